/** A cluster's workloads, some with sidecars of other versions, as the API server stores them. */
import type { KubeObject } from '../../../crds/common.ts';

export interface Stored extends KubeObject {
  metadata: KubeObject['metadata'] & { ownerReferences?: object[] };
}

const PLURAL: Record<string, string> = {
  Pod: 'pods',
  ReplicaSet: 'replicasets',
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
};

export const collectionOf = ({ kind, metadata }: KubeObject): string =>
  `${kind === 'Pod' ? '/api/v1' : '/apis/apps/v1'}/namespaces/${metadata.namespace}/${PLURAL[kind]}`;

const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'app', image: 'app' }] },
});

export function workload(kind: string, name: string, spec: object = {}, namespace = 'shop'): Stored {
  const selector = { matchLabels: { app: name } };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace },
    spec: {
      selector,
      template: template(name),
      ...(kind === 'StatefulSet' && { serviceName: name }),
      ...spec,
    },
  };
}

const owner = ({ apiVersion, kind, metadata }: Stored) => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? '11111111-1111-4111-8111-111111111111',
  controller: true,
});

const ownedBy = (object: Stored, by: Stored): Stored => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [owner(by)] },
});

/** With a sidecar that was injected with the version; undefined: it does not say. */
function pod(name: string, version: string | undefined, by?: Stored, namespace = 'shop'): Stored {
  const made: Stored = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { 'outrider.dev/sidecar': 'true' },
      annotations: version === undefined ? {} : { 'outrider.dev/injected-version': version },
    },
    spec: {
      serviceAccountName: 'app',
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'app' }],
    },
  };
  return by ? ownedBy(made, by) : made;
}

/** Workloads first, then what they own. */
export function everything(): Stored[] {
  const web = workload('Deployment', 'web');
  const webSet = ownedBy(workload('ReplicaSet', 'web-1'), web);
  const fresh = workload('Deployment', 'fresh');
  const freshSet = ownedBy(workload('ReplicaSet', 'fresh-1'), fresh);
  const paused = workload('Deployment', 'paused', { paused: true });
  const pausedSet = ownedBy(workload('ReplicaSet', 'paused-1'), paused);
  const alone = workload('ReplicaSet', 'alone');
  const queue = workload('StatefulSet', 'queue');
  const agent = workload('DaemonSet', 'agent', {}, 'search');
  const byHand = workload('DaemonSet', 'by-hand', { updateStrategy: { type: 'OnDelete' } });
  const job: Stored = { ...workload('Job', 'report'), apiVersion: 'batch/v1' };
  return [
    web,
    webSet,
    fresh,
    freshSet,
    paused,
    pausedSet,
    alone,
    queue,
    agent,
    byHand,
    pod('web-1-a', '0.0.8', webSet),
    pod('web-1-b', '0.0.9-rc.1', webSet),
    pod('fresh-1-a', '0.1.0', freshSet),
    pod('paused-1-a', '0.0.9', pausedSet),
    pod('alone-a', '0.0.9', alone),
    pod('queue-0', '0.0.9', queue),
    pod('agent-a', '0.0.9', agent, 'search'),
    pod('by-hand-a', '0.0.9', byHand),
    pod('report-a', '0.0.9', job),
    pod('single', '0.0.9'),
    pod('unmarked', undefined, webSet),
  ];
}

/** What `restart --outdated` says of them. */
export const SAID = [
  '11 pods with a sidecar; workloads with some from before 0.1.0: 5',
  'pod shop/alone-a: left alone: ReplicaSet alone does not replace its pods: delete them one by one',
  'pod shop/report-a: left alone: Job report ends by itself',
  'pod shop/single: left alone: nobody makes it anew: delete and create it again',
  'pod shop/unmarked: left alone: it does not say which version it was injected with (outrider.dev/injected-version)',
  'search/agent (DaemonSet, 1 pod with 0.0.9): is being rolled',
  'shop/by-hand (DaemonSet, 1 pod with 0.0.9): not rolled: it makes new pods only for deleted ones: delete its pods',
  'shop/paused (Deployment, 1 pod with 0.0.9): not rolled: it is paused: resume it first',
  'shop/web (Deployment, 2 pods with 0.0.8, 0.0.9-rc.1): is being rolled',
  'shop/queue (StatefulSet, 1 pod with 0.0.9): is being rolled',
];
