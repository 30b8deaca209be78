/** Variables of the app's containers and init containers. */
import { celAdd, celConcat, celList, celString } from '../cel.ts';
import {
  BASE_URL_BEFORE_PORT,
  BASE_URLS,
  celIsOurSource,
  celSetsVariable,
  isApp,
  isOurSource,
  NOT_APPS,
  setsVariable,
} from '../environment.ts';
import { add, type Operation } from '../json-patch.ts';
import { ENV_CONFIG_MAP } from '../names.ts';
import type { Container } from '../pod.ts';
import { celOf, celVariable, type Node } from '../template.ts';
import type { Step } from './step.ts';

const LISTS = ['initContainers', 'containers'] as const;

/**
 * Not optional: without the ConfigMap a container would start without base URLs and go past the sidecar, unseen. So the kubelet
 * waits for it and says so; the operator keeps it, and a new pod needs the operator anyway.
 */
const SOURCE = { configMapRef: { name: ENV_CONFIG_MAP } } as const satisfies Node;

/** In front of the container's own sources, and behind its `env`: the lowest precedence there is. */
export const source: Step = {
  operations: ({ pod, values }) =>
    values.env === 'None'
      ? []
      : eachApp(pod.spec, (container, path) => {
          if ((container.envFrom ?? []).some(isOurSource)) return [];
          return [
            ...(container.envFrom ? [] : [add(`${path}/envFrom`, [])]),
            add(`${path}/envFrom/0`, SOURCE),
          ];
        }),
  cel: () =>
    celEachApp(
      'variables.env == "None"',
      `!c.?envFrom.orValue([]).exists(s, ${celIsOurSource('s')})`,
      (list, path) =>
        celConcat([
          `(has(c.envFrom) ? [] : [${celAdd(`${path} + "/envFrom"`, '[]')}])`,
          `[${celAdd(`${path} + "/envFrom/0"`, celOf(SOURCE, `Object.spec.${list}.envFrom`, new Set()))}]`,
        ]),
    ),
};

/** With a port of the pod's own, base URLs are variables of the container where it sets none; `problems.ts` saw to the doubtful. */
export const baseUrls: Step = {
  operations({ pod, values, settings }) {
    const { port = '', env } = values;
    if (env === 'None' || port === String(settings.port)) return [];
    return eachApp(pod.spec, (container, path) => {
      const missing = BASE_URLS.filter(({ name }) => !setsVariable(container, name));
      if (missing.length === 0) return [];
      return [
        ...(container.env ? [] : [add(`${path}/env`, [])]),
        // First, so that other variables can refer to them.
        ...missing.map(({ name, after }) =>
          add(`${path}/env/0`, { name, value: BASE_URL_BEFORE_PORT + port + after }),
        ),
      ];
    });
  },
  cel: (settings) =>
    celEachApp(
      `variables.env == "None" || ${celVariable('port')} == ${celString(String(settings.port))}`,
      `!(${BASE_URLS.map(({ name }) => celSetsVariable(name)).join(' && ')})`,
      (list, path) =>
        celConcat([
          `(has(c.env) ? [] : [${celAdd(`${path} + "/env"`, '[]')}])`,
          ...BASE_URLS.map(({ name, after }) => {
            const value = [celString(BASE_URL_BEFORE_PORT), celVariable('port'), after && celString(after)];
            const entry = `Object.spec.${list}.env{name: ${celString(name)}, value: ${value.filter(Boolean).join(' + ')}}`;
            return `(${celSetsVariable(name)} ? [] : [${celAdd(`${path} + "/env/0"`, entry)}])`;
          }),
        ]),
    ),
};

function eachApp(
  spec: { initContainers?: Container[]; containers: Container[] },
  operations: (container: Container, path: string) => Operation[],
): Operation[] {
  return LISTS.flatMap((list) =>
    (spec[list] ?? []).flatMap((container, i) =>
      isApp(container) ? operations(container, `/spec/${list}/${i}`) : [],
    ),
  );
}

/** `c` is the container and `path` an expression for where it is. */
function celEachApp(
  unless: string,
  when: string,
  operations: (list: string, path: string) => string,
): string {
  const lists = LISTS.map((list) => {
    const all = list === 'containers' ? 'object.spec.containers' : 'variables.inits';
    const path = `"/spec/${list}/" + string(i)`;
    return `${all}.transformList(i, c, !(c.name in ${celList(NOT_APPS)}) && ${when}, ${operations(list, path)}).flatten()`;
  });
  return `(${unless} ? [] : ${celConcat(lists)})`;
}
