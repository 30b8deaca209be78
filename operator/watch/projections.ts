/** What is kept of each object. Less in memory, and fewer changes that mean nothing. All of these are total: they never throw. */
import type { KubeObject, ObjectMeta } from '../../crds/common.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import type { SecretObject, Workload } from '../compile/types.ts';

/** Name of the sidecar's container in a pod. */
const SIDECAR = 'outrider';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** kubectl's copy of the whole object is of no use to us. */
function withoutLastApplied(object: KubeObject): KubeObject {
  const annotations = object.metadata.annotations;
  if (!annotations || !(LAST_APPLIED in annotations)) return object;
  const { [LAST_APPLIED]: _, ...rest } = annotations;
  return { ...object, metadata: { ...object.metadata, annotations: rest } };
}

export const projectRoute = (object: KubeObject): LLMRoute => withoutLastApplied(object) as LLMRoute;
export const projectProvider = (object: KubeObject): LLMProvider => withoutLastApplied(object) as LLMProvider;

/** Who it is and how it is labelled. Annotations may hold a copy of a Secret's data, so they go. */
function identity({ name, namespace, uid, resourceVersion, labels }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(labels === undefined ? {} : { labels }),
  };
}

export function projectSecret(object: KubeObject): SecretObject {
  const { apiVersion, kind, metadata, data } = object as SecretObject;
  return { apiVersion, kind, metadata: identity(metadata), ...(data ? { data } : {}) };
}

export function projectNamespace({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: identity(metadata) };
}

interface PodFacts {
  /** Its containers have ended and will not start again: nothing of it lives. */
  ended: boolean;
  /** It was told to go. */
  terminating: boolean;
  /** Milliseconds since the epoch; undefined while the sidecar does not run. */
  runningSince: number | undefined;
}

export type PodObject = KubeObject<undefined, PodFacts>;

interface PodStatus {
  phase?: string;
  startTime?: string;
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

interface ContainerStatus {
  name?: string;
  state?: { running?: { startedAt?: string } };
}

export function projectPod(object: KubeObject): PodObject {
  const { apiVersion, kind, metadata } = object;
  const status = (object.status ?? {}) as PodStatus;
  return {
    apiVersion,
    kind,
    metadata: identity(metadata),
    status: {
      ended: status.phase === 'Succeeded' || status.phase === 'Failed',
      terminating: metadata.deletionTimestamp !== undefined,
      runningSince: sidecarStart(status, metadata.creationTimestamp),
    },
  };
}

/** The sidecar is an init container that keeps running, so it runs while the pod is still Pending. */
function sidecarStart(status: PodStatus, created: string | undefined): number | undefined {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const sidecar = containers.find(({ name }) => name === SIDECAR);
  if (sidecar) return time(sidecar.state?.running?.startedAt);
  return status.phase === 'Running' ? time(status.startTime ?? created) : undefined;
}

function time(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

export function workloadOf({ metadata, status }: PodObject): Workload {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    ...(status?.runningSince === undefined ? {} : { runningSince: status.runningSince }),
    ...(status?.terminating ? { terminating: true } : {}),
  };
}

/** Two objects with equal fingerprints compile to the same. Statuses, versions and times of observation are left out. */
export function fingerprint(object: KubeObject | undefined): string {
  if (!object) return '';
  const { uid, labels, annotations, generation, creationTimestamp } = object.metadata;
  const { spec, data } = object as SecretObject;
  const ended = object.kind === 'Pod' ? (object as PodObject).status?.ended : undefined;
  return JSON.stringify([uid, labels, annotations, generation, creationTimestamp, spec, data, ended]);
}
