/** One pod with everything that the rules and steps ask about it, worked out once. */
import { type Values, valuesOf } from './annotations.ts';
import { CONTAINER, VERSION_ANNOTATION } from './names.ts';
import type { Container, NamespaceFacts, Pod } from './pod.ts';
import type { InjectionSettings } from './settings.ts';

export interface Subject {
  pod: Pod;
  namespace: NamespaceFacts;
  settings: InjectionSettings;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  inits: readonly Container[];
  containers: readonly Container[];
  /** Whether it carries a sidecar of ours already, be it from an earlier call or from a file. */
  ours: boolean;
  values: Values;
}

export function subjectOf(pod: Pod, namespace: NamespaceFacts, settings: InjectionSettings): Subject {
  const annotations = pod.metadata.annotations ?? {};
  const inits = pod.spec.initContainers ?? [];
  return {
    pod,
    namespace,
    settings,
    labels: pod.metadata.labels ?? {},
    annotations,
    inits,
    containers: pod.spec.containers,
    ours: VERSION_ANNOTATION in annotations && inits.some(({ name }) => name === CONTAINER),
    values: valuesOf(annotations, settings),
  };
}
