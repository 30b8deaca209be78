/** What is kept of each object. Less in memory, and fewer changes that mean nothing. All of these are total: they never throw. */
import type { Condition, KubeObject, ObjectMeta } from '../../crds/common.ts';
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import { withEqualParts } from '../compile/equal-parts.ts';
import type { SecretObject, Workload } from '../compile/types.ts';

/** Name of the sidecar's container in a pod. */
const SIDECAR = 'outrider';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** kubectl's copy of the whole object is of no use to us. */
function withoutLastApplied(metadata: ObjectMeta): ObjectMeta {
  const { annotations } = metadata;
  if (!annotations || !(LAST_APPLIED in annotations)) return metadata;
  const { [LAST_APPLIED]: _, ...rest } = annotations;
  return { ...metadata, annotations: rest };
}

/** Strings that thousands of objects have in common are kept once; what few have does not crowd those out. */
const shared = new Map<string, string>();
const MAX_SHARED = 1_024;

function share(text: string): string {
  const known = shared.get(text);
  if (known !== undefined) return known;
  if (shared.size < MAX_SHARED && text.length <= 256) shared.set(text, text);
  return text;
}

interface ConditionsStatus {
  conditions?: Condition[];
}

/** Statuses are ours: thousands of conditions in the same few words. */
function sharedStatus(status: unknown): unknown {
  const { conditions } = (status ?? {}) as ConditionsStatus;
  if (!Array.isArray(conditions)) return status;
  return {
    ...(status as object),
    conditions: conditions.map((condition) => {
      const { type, reason, message } = condition;
      if (typeof type !== 'string' || typeof reason !== 'string' || typeof message !== 'string')
        return condition;
      return withEqualParts({
        ...condition,
        type: share(type),
        reason: share(reason),
        message: share(message),
      });
    }),
  };
}

/**
 * Statuses change far more often than specs: an equal spec is kept as it is in hand, and with it whatever was made of it. The
 * generation alone does not say that it is equal, as a server restored from a backup counts some of them twice.
 */
function projectResource(object: KubeObject, before: KubeObject | undefined): KubeObject {
  const isSame =
    before !== undefined &&
    object.metadata.generation === before.metadata.generation &&
    isEqual(object.spec, before.spec);
  return {
    apiVersion: share(object.apiVersion),
    kind: share(object.kind),
    metadata: withoutLastApplied(object.metadata),
    spec: isSame ? before.spec : withEqualParts(object.spec),
    ...(object.status === undefined ? {} : { status: sharedStatus(object.status) }),
  };
}

function isEqual(a: unknown, b: unknown): boolean {
  try {
    return JSON.stringify(a) === JSON.stringify(b);
  } catch (error) {
    // Nested deeper than the stack: stored as it is, and refused by whoever reads it.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export const projectRoute = (object: KubeObject, before?: LLMRoute): LLMRoute =>
  projectResource(object, before) as LLMRoute;
export const projectProvider = (object: KubeObject, before?: LLMProvider): LLMProvider =>
  projectResource(object, before) as LLMProvider;
export const projectPolicy = (object: KubeObject, before?: LLMPolicy): LLMPolicy =>
  projectResource(object, before) as LLMPolicy;

/** Without what is merely observed of it. */
export const contentOf = ({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject => ({
  apiVersion,
  kind,
  metadata,
  spec,
});

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
  restartCount?: number;
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

/**
 * The sidecar is an init container that keeps running, so it runs while the pod is still Pending. One that was started again serves
 * what it last knew from its first moment; it is no newcomer that could be left out of account, so it runs since its pod does.
 */
function sidecarStart(status: PodStatus, created: string | undefined): number | undefined {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const sidecar = containers.find(({ name }) => name === SIDECAR);
  const startedAt = sidecar?.state?.running?.startedAt;
  if (sidecar && (startedAt === undefined || !sidecar.restartCount)) return time(startedAt);
  return sidecar || status.phase === 'Running' ? time(status.startTime ?? created) : undefined;
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
