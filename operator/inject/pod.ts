/** The part of a pod, or of a pod template, that injection reads. Everything else travels along untouched. */

interface EnvSource {
  prefix?: string;
  configMapRef?: { name?: string };
}

export interface Container {
  name: string;
  env?: { name: string }[];
  envFrom?: EnvSource[];
  ports?: { containerPort: number; protocol?: string }[];
  restartPolicy?: string;
  [field: string]: unknown;
}

interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes?: { name: string }[];
  hostNetwork?: boolean;
  shareProcessNamespace?: boolean;
  os?: { name?: string };
  nodeSelector?: Record<string, string>;
  terminationGracePeriodSeconds?: number;
  [field: string]: unknown;
}

interface OwnerReference {
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

export interface Pod {
  metadata: {
    name?: string;
    generateName?: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: OwnerReference[];
    [field: string]: unknown;
  };
  spec: PodSpec;
  [field: string]: unknown;
}

/** What is known of the namespace that a pod is in. */
export interface NamespaceFacts {
  name: string;
  labels: Readonly<Record<string, string>>;
}

/** Whether it has the shape of a pod, as far as injection relies on it. Manifests and callers may send anything. */
export function isPod(object: unknown): object is Pod {
  const { metadata, spec } = (object ?? {}) as Partial<Pod>;
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const named = (list: unknown) =>
    Array.isArray(list) &&
    list.every((item) => typeof (item as { name?: unknown } | null)?.name === 'string');
  if (!isObject(metadata) || !isObject(spec) || !named(spec?.containers)) return false;
  return [spec?.initContainers, spec?.volumes].every((list) => list === undefined || named(list));
}
