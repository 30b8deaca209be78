/** Which pods have a sidecar from before some version, and who makes them anew. */

import { SIDECAR_LABEL, VERSION_ANNOTATION } from '../../operator/inject/names.ts';
import { isOlder, isVersion } from '../../operator/sync/served.ts';
import type { ApiClient } from '../../operator/watch/api-client.ts';
import { listPages } from '../../operator/watch/list-pages.ts';
import { ownerFinder, type PodObject, type Workload } from './owners.ts';

export interface Outdated {
  /** In order of namespace and name. */
  workloads: { workload: Workload; pods: number; versions: string[] }[];
  /** Pods that no rollout makes anew, and why. */
  left: { pod: string; because: string }[];
  /** Pods with a sidecar that was looked at. */
  seen: number;
}

/** @param namespace undefined: all */
export async function findOutdated(
  client: ApiClient,
  namespace: string | undefined,
  olderThan: string,
): Promise<Outdated> {
  const path = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await listPages(client, { path, query: { labelSelector: `${SIDECAR_LABEL}=true` } });
  const ownerOf = ownerFinder(client);
  const workloads = new Map<string, Outdated['workloads'][number]>();
  const left: Outdated['left'] = [];
  for (const pod of items as PodObject[]) {
    if (pod.metadata.deletionTimestamp !== undefined || hasEnded(pod)) continue;
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const version = pod.metadata.annotations?.[VERSION_ANNOTATION];
    if (version === undefined || !isVersion(version)) {
      left.push({
        pod: name,
        because: `it does not say which version it was injected with (${VERSION_ANNOTATION})`,
      });
      continue;
    }
    if (!isOlder(version, olderThan)) continue;
    const owner = await ownerOf(pod);
    if ('because' in owner) {
      left.push({ pod: name, because: owner.because });
      continue;
    }
    const { workload } = owner;
    const key = `${workload.namespace}/${workload.kind}/${workload.name}`;
    const known = workloads.get(key) ?? { workload, pods: 0, versions: [] };
    known.pods += 1;
    if (!known.versions.includes(version)) known.versions.push(version);
    workloads.set(key, known);
  }
  const sorted = [...workloads].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  return { workloads: sorted, left, seen: items.length };
}

const hasEnded = ({ status }: PodObject): boolean =>
  ['Succeeded', 'Failed'].includes((status as { phase?: string } | undefined)?.phase ?? '');
