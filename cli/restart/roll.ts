/** Rolls a workload as `kubectl rollout restart` does: a new annotation on its template makes new pods. */
import type { KubeObject } from '../../crds/common.ts';
import type { ApiClient } from '../../operator/watch/api-client.ts';
import type { Workload } from './owners.ts';

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

/** The parts of a Deployment, StatefulSet or DaemonSet that say whether it can be rolled now. */
type Rolled = KubeObject<
  { paused?: boolean; replicas?: number; updateStrategy?: { type?: string } },
  {
    observedGeneration?: number;
    updatedReplicas?: number;
    updateRevision?: string;
    currentRevision?: string;
    updatedNumberScheduled?: number;
    desiredNumberScheduled?: number;
  }
>;

const pathOf = ({ kind, namespace, name }: Workload): string =>
  `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;

/** Why it is not rolled now; undefined: it can be. Throws ApiError, also where it is gone. */
export async function obstacle(client: ApiClient, workload: Workload): Promise<string | undefined> {
  const { metadata, spec, status } = await client.json<Rolled>({ path: pathOf(workload) });
  if (spec?.paused === true) return 'it is paused: resume it first';
  if (spec?.updateStrategy?.type === 'OnDelete')
    return 'it makes new pods only for deleted ones: delete its pods';
  const unseen =
    status?.observedGeneration !== undefined && status.observedGeneration < (metadata.generation ?? 0);
  return unseen || isRolling(workload, spec, status) ? 'it is being rolled already' : undefined;
}

function isRolling({ kind }: Workload, spec: Rolled['spec'], status: Rolled['status']): boolean {
  if (status?.observedGeneration === undefined) return false;
  if (kind === 'Deployment') return (status.updatedReplicas ?? 0) < (spec?.replicas ?? 1);
  if (kind === 'StatefulSet') return status.updateRevision !== status.currentRevision;
  return (status.updatedNumberScheduled ?? 0) < (status.desiredNumberScheduled ?? 0);
}

/** @param at ISO time that goes into the annotation */
export async function roll(client: ApiClient, workload: Workload, at: string): Promise<void> {
  await client.json({
    method: 'PATCH',
    path: pathOf(workload),
    query: { fieldManager: 'outrider-restart' },
    contentType: 'application/merge-patch+json',
    body: { spec: { template: { metadata: { annotations: { [RESTARTED_AT]: at } } } } },
  });
}
