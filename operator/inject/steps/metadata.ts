/** Labels and annotations of the pod. */
import { celAdd, celConcat, celList, celString } from '../cel.ts';
import { isApp, NOT_APPS } from '../environment.ts';
import { add, segment } from '../json-patch.ts';
import { type Announcement, MESHES, type Mesh } from '../meshes.ts';
import {
  DEFAULT_CONTAINER_ANNOTATION,
  SETTINGS_ANNOTATION,
  SIDECAR_LABEL,
  VERSION_ANNOTATION,
} from '../names.ts';
import { type InjectionSettings, settingsHash, syncPort } from '../settings.ts';
import type { Subject } from '../subject.ts';
import type { Step } from './step.ts';

const pathOf = (map: 'labels' | 'annotations', name: string): string => `/metadata/${map}/${segment(name)}`;

/** The maps themselves, where the pod has none. */
export const maps: Step = {
  operations: ({ pod }) =>
    (['labels', 'annotations'] as const)
      .filter((map) => !pod.metadata[map])
      .map((map) => add(`/metadata/${map}`, {})),
  cel: () =>
    celConcat(
      ['labels', 'annotations'].map(
        (map) => `(has(object.metadata.${map}) ? [] : [${celAdd(celString(`/metadata/${map}`), '{}')}])`,
      ),
    ),
};

const LABEL_PATH = pathOf('labels', SIDECAR_LABEL);

/** By which the operator finds the pod. */
export const label: Step = {
  operations: ({ labels }) => (labels[SIDECAR_LABEL] === 'true' ? [] : [add(LABEL_PATH, 'true')]),
  cel: () =>
    `(variables.labels[?${celString(SIDECAR_LABEL)}].orValue("") == "true" ? [] : [${celAdd(celString(LABEL_PATH), '"true"')}])`,
};

const marks = (settings: InjectionSettings) => [
  { path: pathOf('annotations', VERSION_ANNOTATION), value: settings.version },
  { path: pathOf('annotations', SETTINGS_ANNOTATION), value: settingsHash(settings) },
];

/** Which version was injected, with which settings. */
export const injected: Step = {
  operations: ({ ours, settings }) =>
    ours ? [] : marks(settings).map(({ path, value }) => add(path, value)),
  cel: (settings) =>
    `(variables.ours ? [] : [${marks(settings)
      .map(({ path, value }) => celAdd(celString(path), celString(value)))
      .join(', ')}])`,
};

const DEFAULT_PATH = pathOf('annotations', DEFAULT_CONTAINER_ANNOTATION);

/** `kubectl logs` and `exec` mean the app where nobody said otherwise. */
export const defaultContainer: Step = {
  operations({ ours, annotations, containers }) {
    const app = containers.find(isApp);
    if (ours || DEFAULT_CONTAINER_ANNOTATION in annotations || !app) return [];
    return [add(DEFAULT_PATH, app.name)];
  },
  cel: () =>
    `(variables.ours || ${celString(DEFAULT_CONTAINER_ANNOTATION)} in variables.annotations ? [] : ` +
    `object.spec.containers.map(c, c.name).filter(n, !(n in ${celList(NOT_APPS)})).transformList(i, n, i == 0, ${celAdd(celString(DEFAULT_PATH), 'n')}))`,
};

/**
 * A mesh whose proxy is an ordinary container captures connections before that container runs, while the app, and so its proxy,
 * waits for the sidecar, which waits for the operator: the port of the operator is left out of the capture. Proxies that are
 * native sidecars run before ours. Where a mesh is only announced, its webhook comes after us and reads the annotation then.
 */
export const meshPorts: Step = {
  operations: (subject) =>
    MESHES.flatMap((mesh) => {
      const port = syncPort(subject.settings);
      const before = subject.annotations[mesh.excludedPorts] ?? '';
      const listed = before.split(',').some((each) => each.trim() === port);
      if (listed || !captures(mesh, subject)) return [];
      return [add(pathOf('annotations', mesh.excludedPorts), before === '' ? port : `${before},${port}`)];
    }),
  cel: (settings) =>
    celConcat(
      MESHES.map((mesh) => {
        const port = celString(syncPort(settings));
        const before = `variables.annotations[?${celString(mesh.excludedPorts)}].orValue("")`;
        const listed = `${before}.split(",").exists(p, p.trim() == ${port})`;
        const path = celString(pathOf('annotations', mesh.excludedPorts));
        return `(${listed} || !(${celCaptures(mesh)}) ? [] : [${celAdd(path, `${before} == "" ? ${port} : ${before} + "," + ${port}`)}])`;
      }),
    ),
};

function captures(mesh: Mesh, subject: Subject): boolean {
  const runs = (list: readonly { name: string }[]) => list.some(({ name }) => name === mesh.proxy);
  if (runs(subject.inits)) return false;
  return runs(subject.containers) || mesh.announced.some((sign) => isGiven(sign, subject));
}

function isGiven({ on, name, values }: Announcement, { namespace, labels, annotations }: Subject): boolean {
  const place = { 'Namespace label': namespace.labels, 'Pod label': labels, 'Pod annotation': annotations }[
    on
  ];
  const value = place[name];
  return value !== undefined && (values.length === 0 || values.includes(value));
}

function celCaptures(mesh: Mesh): string {
  const runs = (list: string) => `${list}.exists(c, c.name == ${celString(mesh.proxy)})`;
  const signs = mesh.announced.map(({ on, name, values }) => {
    const place = {
      'Namespace label': 'variables.namespaceLabels',
      'Pod label': 'variables.labels',
      'Pod annotation': 'variables.annotations',
    }[on];
    const given = `${celString(name)} in ${place}`;
    return values.length === 0 ? given : `(${given} && ${place}[${celString(name)}] in ${celList(values)})`;
  });
  return `!${runs('variables.inits')} && (${[runs('object.spec.containers'), ...signs].join(' || ')})`;
}
