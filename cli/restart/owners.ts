/** From pods to what makes them anew: the Deployments, StatefulSets and DaemonSets that own them. */
import type { KubeObject } from '../../crds/common.ts';
import type { ApiClient } from '../../operator/watch/api-client.ts';
import { ApiError } from '../../operator/watch/api-error.ts';

/** A pod as the API server lists it, as far as it is read here. */
export type PodObject = KubeObject & {
  metadata: KubeObject['metadata'] & { ownerReferences?: OwnerReference[] };
};

interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  controller?: boolean;
}

export interface Workload {
  kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  namespace: string;
  name: string;
}

/** `because`: why nothing here can make the pod anew. */
export type Ownership = { workload: Workload } | { because: string };

const ROLLED = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

/** Asks for each ReplicaSet once. */
export function ownerFinder(client: ApiClient): (pod: PodObject) => Promise<Ownership> {
  const replicaSets = new Map<string, Promise<Ownership>>();
  return (pod) => {
    const namespace = pod.metadata.namespace ?? '';
    const owner = controllerOf(pod);
    if (!owner) return Promise.resolve({ because: 'nobody makes it anew: delete and create it again' });
    if (owner.kind !== 'ReplicaSet') return Promise.resolve(ownership(namespace, owner));
    const path = `/apis/apps/v1/namespaces/${namespace}/replicasets/${owner.name}`;
    let found = replicaSets.get(path);
    if (!found) {
      found = behind(client, path, namespace, owner.name);
      replicaSets.set(path, found);
    }
    return found;
  };
}

async function behind(client: ApiClient, path: string, namespace: string, name: string): Promise<Ownership> {
  const because = `ReplicaSet ${name} does not replace its pods: delete them one by one`;
  try {
    const owner = controllerOf(await client.json<PodObject>({ path }));
    return owner ? ownership(namespace, owner) : { because };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { because: `ReplicaSet ${name} is gone` };
    throw error;
  }
}

const controllerOf = ({ metadata }: PodObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

function ownership(namespace: string, { apiVersion, kind, name }: OwnerReference): Ownership {
  const rolled = ROLLED.find((each) => each === kind && apiVersion === 'apps/v1');
  if (rolled) return { workload: { kind: rolled, namespace, name } };
  const because =
    kind === 'Job'
      ? `Job ${name} ends by itself`
      : `it belongs to ${kind} ${name}, which restarts its pods itself or not at all`;
  return { because };
}
