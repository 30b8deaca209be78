/** The part of a pod, or of a pod template, that injection reads. Everything else travels along untouched. */

export interface EnvSource {
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

export interface PodSpec {
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

export interface OwnerReference {
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
