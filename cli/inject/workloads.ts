/** Where the pods are in the kinds that make pods. */
import type { KubeObject } from '../../crds/common.ts';
import { type Injection, inject } from '../../operator/inject/mutate.ts';
import { INJECTION_ENABLED, INJECTION_LABEL } from '../../operator/inject/names.ts';
import { isPod, type Pod } from '../../operator/inject/pod.ts';
import type { InjectionSettings } from '../../operator/inject/settings.ts';

/** Path of the pod by group and kind; empty: the object is one. */
const PODS: Readonly<Record<string, readonly string[]>> = {
  '/Pod': [],
  '/PodTemplate': ['template'],
  '/ReplicationController': ['spec', 'template'],
  'apps/Deployment': ['spec', 'template'],
  'apps/StatefulSet': ['spec', 'template'],
  'apps/DaemonSet': ['spec', 'template'],
  'apps/ReplicaSet': ['spec', 'template'],
  'batch/Job': ['spec', 'template'],
  'batch/CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
};

export interface Outcome {
  /** `Deployment shop/web` */
  object: string;
  injection: Injection | { outcome: 'Malformed'; message: string };
}

/** The value with a sidecar in each of its pods, and what was done to each. Values without pods come back as they are. */
export function injectAll(
  value: unknown,
  settings: InjectionSettings,
): { value: unknown; outcomes: Outcome[] } {
  const items = itemsOf(value);
  if (items) {
    const results = items.map((item) => injectAll(item, settings));
    const outcomes = results.flatMap((result) => result.outcomes);
    return { value: { ...(value as object), items: results.map((result) => result.value) }, outcomes };
  }
  const object = value as Partial<KubeObject> | null;
  const [version, group] = (typeof object?.apiVersion === 'string' ? object.apiVersion : '')
    .split('/')
    .reverse();
  const path = version === undefined ? undefined : PODS[`${group ?? ''}/${object?.kind}`];
  if (!object || !path) return { value, outcomes: [] };
  const namespace = object.metadata?.namespace ?? 'default';
  const name = object.metadata?.name ?? '';
  const injection = injectOne(at(object, path), namespace, settings);
  return {
    value: injection.outcome === 'Injected' ? replaced(object, path, injection.pod) : value,
    outcomes: [{ object: `${object.kind} ${namespace}/${name}`, injection }],
  };
}

/** Whoever runs the command asks for a sidecar; the pod may still decline. */
function injectOne(template: unknown, namespace: string, settings: InjectionSettings): Outcome['injection'] {
  const pod = { ...(template as object), metadata: (template as Pod | undefined)?.metadata ?? {} };
  if (!isPod(pod)) return { outcome: 'Malformed', message: 'has no pod with named containers' };
  for (const map of ['labels', 'annotations'] as const) {
    const wrong = Object.entries(pod.metadata[map] ?? {}).find(([, text]) => typeof text !== 'string');
    if (wrong) {
      const message = `${map}: ${wrong[0]} is ${JSON.stringify(wrong[1])}; it must be text, in quotes`;
      return { outcome: 'Malformed', message };
    }
  }
  return inject(pod, { name: namespace, labels: { [INJECTION_LABEL]: INJECTION_ENABLED } }, settings);
}

function itemsOf(value: unknown): unknown[] | undefined {
  const { kind, items } = (value ?? {}) as { kind?: unknown; items?: unknown };
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : undefined;
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) => (found as Record<string, unknown> | null | undefined)?.[name],
    value,
  );
}

function replaced(value: unknown, [name, ...rest]: readonly string[], inner: unknown): unknown {
  if (name === undefined) return inner;
  const members = value as Record<string, unknown>;
  return { ...members, [name]: replaced(members[name], rest, inner) };
}
