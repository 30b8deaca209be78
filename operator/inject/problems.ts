/**
 * What a pod says that cannot be followed. Such a pod is refused: a sidecar on other terms than it asked for would be worse, and
 * whoever wrote it is told what would be right. Each rule gives its messages twice, in TypeScript and in CEL.
 */
import { ANNOTATIONS, type AnnotationRule, VALUE_NAMES } from './annotations.ts';
import { celConcat, celList, celString } from './cel.ts';
import {
  BASE_URL_BEFORE_PORT,
  BASE_URLS,
  celMaySetVariable,
  celSetsVariable,
  isApp,
  maySetVariable,
  NOT_APPS,
  setsVariable,
} from './environment.ts';
import {
  ANNOTATION_PREFIX,
  CONTAINER,
  INJECT_LABEL,
  SPOOL_URL,
  SPOOL_VOLUME,
  WRITTEN_ANNOTATIONS,
} from './names.ts';
import type { InjectionSettings } from './settings.ts';
import { sidecarVolumes } from './sidecar-container.ts';
import type { Subject } from './subject.ts';
import { celVariable } from './template.ts';
import { amount, NO_SPOOL } from './value-kinds.ts';

interface ProblemRule {
  problems(subject: Subject): string[];
  /** Expression of type list(string). */
  cel(settings: InjectionSettings): string;
}

const RULES: readonly AnnotationRule[] = VALUE_NAMES.map((name) => ANNOTATIONS[name]);
const KNOWN = RULES.map(({ annotation }) => annotation);

/** Values are quoted as they are, but for their length and line breaks. */
const QUOTED = 64;
const quote = (text: string): string => {
  // By code points, as CEL counts them.
  const characters = Array.from(text.replaceAll('\n', ' '));
  return `"${characters.length > QUOTED ? `${characters.slice(0, QUOTED).join('')}…` : characters.join('')}"`;
};
const celQuote = (text: string): string =>
  `"\\"" + (size(${text}) > ${QUOTED} ? ${text}.substring(0, ${QUOTED}) + "…" : ${text}).replace("\\n", " ") + "\\""`;

const injectLabel: ProblemRule = {
  problems({ labels }) {
    const value = labels[INJECT_LABEL];
    if (value === undefined || value === 'true' || value === 'false') return [];
    return [`label ${INJECT_LABEL} is ${quote(value)}; it must be "true" or "false"`];
  },
  cel() {
    const value = `variables.labels[${celString(INJECT_LABEL)}]`;
    return `(${celString(INJECT_LABEL)} in variables.labels && !(${value} in ["true", "false"]) ? [${celString(`label ${INJECT_LABEL} is `)} + ${celQuote(value)} + ${celString('; it must be "true" or "false"')}] : [])`;
  },
};

const UNKNOWN = `; known are ${KNOWN.map((name) => name.slice(ANNOTATION_PREFIX.length)).join(', ')}`;
const NOT_A_LABEL = ` is an annotation; it must be a label`;

const unknownAnnotations: ProblemRule = {
  problems({ annotations }) {
    const known: readonly string[] = [...KNOWN, ...WRITTEN_ANNOTATIONS];
    return Object.keys(annotations)
      .filter((name) => name.startsWith(ANNOTATION_PREFIX) && !known.includes(name))
      .sort()
      .map((name) =>
        name === INJECT_LABEL ? name + NOT_A_LABEL : `annotation ${name} is unknown${UNKNOWN}`,
      );
  },
  cel() {
    const known = celList([...KNOWN, ...WRITTEN_ANNOTATIONS]);
    return `variables.annotations.filter(k, k.startsWith(${celString(ANNOTATION_PREFIX)}) && !(k in ${known})).sort().map(k, k == ${celString(INJECT_LABEL)} ? k + ${celString(NOT_A_LABEL)} : "annotation " + k + ${celString(` is unknown${UNKNOWN}`)})`;
  },
};

const values: ProblemRule = {
  problems({ annotations }) {
    return RULES.flatMap(({ annotation, kind }) => {
      const value = annotations[annotation];
      if (value === undefined || kind.holds(value)) return [];
      return [`annotation ${annotation} is ${quote(value)}; it must be ${kind.expected}`];
    });
  },
  cel() {
    return celConcat(
      RULES.map(({ annotation, kind }) => {
        const value = `variables.annotations[${celString(annotation)}]`;
        return `(${celString(annotation)} in variables.annotations && !${kind.cel(value)} ? [${celString(`annotation ${annotation} is `)} + ${celQuote(value)} + ${celString(`; it must be ${kind.expected}`)}] : [])`;
      }),
    );
  },
};

const distinctPorts: ProblemRule = {
  problems({ values: { port, adminPort } }) {
    return port === adminPort
      ? [
          `${ANNOTATIONS.port.annotation} and ${ANNOTATIONS.adminPort.annotation} are both ${port}; they must differ`,
        ]
      : [];
  },
  cel() {
    const [port, admin] = [celVariable('port'), celVariable('adminPort')];
    return `(${port} == ${admin} ? [${celString(`${ANNOTATIONS.port.annotation} and ${ANNOTATIONS.adminPort.annotation} are both `)} + ${port} + "; they must differ"] : [])`;
  },
};

const AMOUNTS = [
  ['cpuRequest', 'cpuLimit'],
  ['memoryRequest', 'memoryLimit'],
] as const;

const requestsWithinLimits: ProblemRule = {
  problems({ values }) {
    return AMOUNTS.flatMap(([lower, upper]) => {
      const [request, limit] = [values[lower], values[upper]];
      if (request === undefined || limit === undefined || amount(request) <= amount(limit)) return [];
      return [
        `${ANNOTATIONS[lower].annotation} is ${request}; it must not exceed ${ANNOTATIONS[upper].annotation}, ${limit}`,
      ];
    });
  },
  cel() {
    return celConcat(
      AMOUNTS.map(([lower, upper]) => {
        const [request, limit] = [celVariable(lower), celVariable(upper)];
        return `(${request} != "" && ${limit} != "" && quantity(${request}).isGreaterThan(quantity(${limit})) ? [${celString(`${ANNOTATIONS[lower].annotation} is `)} + ${request} + ${celString(`; it must not exceed ${ANNOTATIONS[upper].annotation}, `)} + ${limit}] : [])`;
      }),
    );
  },
};

const PORTS = ['port', 'adminPort'] as const;

/** Both would bind the port of the one network they share, and one of them would not start. */
const freePorts: ProblemRule = {
  problems({ inits, containers, values }) {
    return PORTS.flatMap((name) =>
      [...inits, ...containers]
        .filter((container) => container.name !== CONTAINER && declares(container, values[name]))
        .map((container) =>
          takenPort(quote(container.name), values[name] ?? '', ANNOTATIONS[name].annotation),
        ),
    );
  },
  cel() {
    return celConcat(
      PORTS.map((name) => {
        const port = celVariable(name);
        const declares = `c.?ports.orValue([]).exists(p, p.?protocol.orValue("TCP") == "TCP" && string(p.containerPort) == ${port})`;
        const { annotation } = ANNOTATIONS[name];
        return `(variables.inits + object.spec.containers).filter(c, c.name != ${celString(CONTAINER)} && ${declares}).map(c, ${celTemplate(takenPort('\0' + celQuote('c.name') + '\0', `\0${port}\0`, annotation))})`;
      }),
    );
  },
};

const declares = (
  { ports }: { ports?: { containerPort: number; protocol?: string }[] },
  port: string | undefined,
) =>
  (ports ?? []).some(
    ({ containerPort, protocol = 'TCP' }) => protocol === 'TCP' && String(containerPort) === port,
  );
const takenPort = (container: string, port: string, annotation: string): string =>
  `container ${container} has port ${port}, which the sidecar would take; give the sidecar another with the annotation ${annotation}`;

/**
 * With a port of the pod's own, base URLs have to be variables of the container, and those win over its `envFrom`. Whether a
 * source there sets one cannot be seen from here.
 */
const certainBaseUrls: ProblemRule = {
  problems({ inits, containers, values, settings }) {
    const { port = '', env } = values;
    if (port === String(settings.port) || env === 'None') return [];
    return [...inits, ...containers]
      .filter(
        (container) =>
          isApp(container) &&
          BASE_URLS.some(({ name }) => !setsVariable(container, name) && maySetVariable(container, name)),
      )
      .map(({ name }) => uncertain(quote(name), port));
  },
  cel(settings) {
    const unsure = BASE_URLS.map(
      ({ name }) => `(!${celSetsVariable(name)} && ${celMaySetVariable(name)})`,
    ).join(' || ');
    const port = celVariable('port');
    return `(${port} == ${celString(String(settings.port))} || variables.env == "None" ? [] : (variables.inits + object.spec.containers).filter(c, !(c.name in ${celList(NOT_APPS)}) && (${unsure})).map(c, ${celTemplate(uncertain('\0' + celQuote('c.name') + '\0', `\0${port}\0`))}))`;
  },
};

const uncertain = (container: string, port: string): string => {
  const urls = BASE_URLS.map(({ name, after }) => `${name}=${BASE_URL_BEFORE_PORT}${port}${after}`).join(
    ' and ',
  );
  return `container ${container} has an envFrom that may set base URLs, so they cannot follow ${ANNOTATIONS.port.annotation}; set ${urls} in its env, or the annotation ${ANNOTATIONS.env.annotation} to "None"`;
};

/** What is kept in memory is memory of the sidecar: a spool that may fill all of it would end it. */
const spoolWithinLimit: ProblemRule = {
  problems({ values: { spoolSize = NO_SPOOL, spoolVolume, memoryLimit }, settings }) {
    if (settings.spool.medium !== 'Memory' || spoolVolume !== undefined) return [];
    if (spoolSize === NO_SPOOL || memoryLimit === undefined || amount(spoolSize) < amount(memoryLimit))
      return [];
    return [tooMuch(spoolSize, memoryLimit)];
  },
  cel({ spool }) {
    const [size, limit] = [celVariable('spoolSize'), celVariable('memoryLimit')];
    const isIn = `${spool.medium === 'Memory'} && ${celVariable('spoolVolume')} == ""`;
    return `(${isIn} && ${size} != ${celString(NO_SPOOL)} && ${limit} != "" && !quantity(${size}).isLessThan(quantity(${limit})) ? [${celTemplate(tooMuch(`\0${size}\0`, `\0${limit}\0`))}] : [])`;
  },
};

const tooMuch = (size: string, limit: string): string =>
  `${ANNOTATIONS.spoolSize.annotation} is ${size}; in memory, it must be below ${ANNOTATIONS.memoryLimit.annotation}, ${limit}`;

/** Two places for one thing: the sidecar would not start. */
const oneSpool: ProblemRule = {
  problems({ values: { spoolSize, spoolVolume }, settings }) {
    if (!isElsewhere(settings) || (spoolVolume === undefined && spoolSize === NO_SPOOL)) return [];
    return [ELSEWHERE];
  },
  cel(settings) {
    return `(${isElsewhere(settings)} && (${celVariable('spoolVolume')} != "" || ${celVariable('spoolSize')} != ${celString(NO_SPOOL)}) ? [${celString(ELSEWHERE)}] : [])`;
  },
};

const isElsewhere = ({ env, spoolURLSecret }: InjectionSettings): boolean =>
  SPOOL_URL in env || spoolURLSecret !== undefined;

const ELSEWHERE = `this installation keeps batches at ${SPOOL_URL}; ${ANNOTATIONS.spoolSize.annotation} must be "${NO_SPOOL}" or absent, and ${ANNOTATIONS.spoolVolume.annotation} absent`;

const freeVolumes: ProblemRule = {
  problems({ ours, pod, settings }) {
    if (ours) return [];
    const names = volumeNames(settings);
    return (pod.spec.volumes ?? [])
      .filter(({ name }) => names.includes(name))
      .map(({ name }) => `volume ${quote(name)} has a name that the sidecar needs; it must have another`);
  },
  cel(settings) {
    const names = celList(volumeNames(settings));
    return `(variables.ours ? [] : object.spec.?volumes.orValue([]).filter(v, v.name in ${names}).map(v, "volume " + ${celQuote('v.name')} + " has a name that the sidecar needs; it must have another"))`;
  },
};

const volumeNames = (settings: InjectionSettings): string[] => [
  ...sidecarVolumes(settings).map(({ name }) => name),
  SPOOL_VOLUME,
];

/** Text in which every other piece between NULs is an expression -> a concatenation. */
function celTemplate(text: string): string {
  const parts = text.split('\0').map((part, i) => (i % 2 === 1 ? part : part === '' ? '' : celString(part)));
  return parts.filter((part) => part !== '').join(' + ');
}

/** What is said of each value alone; the others compare values, which must be sound for that. */
const FIRST = [injectLabel, unknownAnnotations, values];
const THEN = [
  distinctPorts,
  requestsWithinLimits,
  freePorts,
  certainBaseUrls,
  spoolWithinLimit,
  oneSpool,
  freeVolumes,
];

export function problemsOf(subject: Subject): string[] {
  const found = FIRST.flatMap((rule) => rule.problems(subject));
  return found.length > 0 ? found : THEN.flatMap((rule) => rule.problems(subject));
}

/** CEL expressions of type list(string): what is wrong with values, and what is wrong where there is nothing of the first kind. */
export function celProblems(settings: InjectionSettings): { values: string; others: string } {
  const all = (rules: readonly ProblemRule[]) => celConcat(rules.map((rule) => rule.cel(settings)));
  return { values: all(FIRST), others: all(THEN) };
}

/** One message for all of them. */
export const refusal = (problems: readonly string[]): string => problems.join('; ');
