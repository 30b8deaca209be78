/** A namespace with vendors `north` and `south` and apps that ask, and what the suite does with them. */
import { randomBytes } from 'node:crypto';
import type { Answer, Question } from '../programs/ask.ts';
import type { LoadReport } from '../programs/load.ts';
import type { Cluster, Manifest } from './cluster.ts';
import { eventually } from './eventually.ts';
import { RELEASE, SYSTEM } from './installation.ts';
import {
  budgets,
  KEYS_SECRET,
  keys,
  namespace,
  provider,
  ROUTE,
  route,
  rules,
  type Target,
  vendor,
} from './manifests.ts';
import { programs } from './programs.ts';

const VENDORS = ['north', 'south'] as const;
export type VendorName = (typeof VENDORS)[number];
const START_MS = 120_000;
const CHANGE_MS = 30_000;

/** What the names of their namespaces begin with. */
export const STAGES = 'outrider-e2e-';

export class Stage {
  readonly cluster: Cluster;
  readonly namespace = `${STAGES}${randomBytes(3).toString('hex')}`;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /** The namespace without a label of ours, and the vendors in it. */
  async build(): Promise<void> {
    await this.cluster.apply(this.namespace, [namespace(this.namespace)]);
    await this.cluster.apply(this.namespace, [
      await programs(this.namespace),
      ...VENDORS.flatMap((name) => vendor(name, `sk-${name}-1`)),
    ]);
    for (const name of VENDORS) await this.available(name);
  }

  /** Does not wait until it is gone. */
  async strike(): Promise<void> {
    await this.cluster.delete(`/api/v1/namespaces/${this.namespace}`).catch(() => {});
  }

  optIn(): Promise<void> {
    return this.cluster.apply(this.namespace, [
      namespace(this.namespace, { 'outrider.dev/injection': 'enabled' }),
    ]);
  }

  /** Keys, providers, and a route that prefers north. */
  offer(): Promise<void> {
    return this.cluster.apply(this.namespace, [
      keys(Object.fromEntries(VENDORS.map((name) => [name, `sk-${name}-1`]))),
      ...VENDORS.map((name) => provider(name, this.namespace)),
      route(PREFER_NORTH),
    ]);
  }

  // Workloads

  path(kind: 'deployments' | 'pods' | 'jobs' | 'cronjobs', name = ''): string {
    const groups = {
      deployments: 'apis/apps/v1',
      pods: 'api/v1',
      jobs: 'apis/batch/v1',
      cronjobs: 'apis/batch/v1',
    };
    return `/${groups[kind]}/namespaces/${this.namespace}/${kind}${name && `/${name}`}`;
  }

  /** Resolves when all replicas are, and none of an older template is left. */
  available(deployment: string, withinMs = START_MS): Promise<Manifest> {
    return eventually(`Deployment ${deployment} is available`, withinMs, async () => {
      const found = await this.cluster.get(this.path('deployments', deployment));
      const { observedGeneration, availableReplicas = 0, updatedReplicas = 0, replicas = 0 } = found.status;
      const wanted = found.spec.replicas;
      const settled = observedGeneration === found.metadata.generation && replicas === wanted;
      return settled && updatedReplicas === wanted && availableReplicas === wanted ? found : undefined;
    });
  }

  async scale(deployment: string, replicas: number): Promise<void> {
    await this.cluster.patch(this.path('deployments', deployment), { spec: { replicas } });
    await eventually(`Deployment ${deployment} has ${replicas} pods`, START_MS, async () => {
      const pods = await this.cluster.list(this.path('pods'), `app=${deployment}`);
      return pods.length === replicas;
    });
    await this.available(deployment);
  }

  /** The one pod of a Deployment that is not about to end. */
  async pod(deployment: string): Promise<Manifest> {
    const pods = await this.cluster.list(this.path('pods'), `app=${deployment}`);
    const [pod, ...others] = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (!pod || others.length > 0) throw new Error(`${deployment} has ${others.length + (pod ? 1 : 0)} pods`);
    return pod;
  }

  // Apps and vendors

  door(pod: Manifest, port: number, path: string): string {
    return `${this.path('pods', pod.metadata.name)}:${port}/proxy${path}`;
  }

  async ask(app: string, question: Question = {}): Promise<Answer> {
    const path = this.door(await this.pod(app), 8080, '/ask');
    return this.cluster.json(path, { method: 'POST', body: question });
  }

  /** Asks until the answer comes from the target. */
  answersFrom(app: string, target: string, withinMs = CHANGE_MS): Promise<Answer> {
    return eventually(`${app} is answered by target ${target}`, withinMs, async () => {
      const answer = await this.ask(app);
      if (answer.ok && answer.target === target) return answer;
      throw new Error(JSON.stringify(answer));
    });
  }

  async seen(vendor: VendorName): Promise<Record<string, number>> {
    return this.cluster.json(this.door(await this.pod(vendor), 8001, '/seen'));
  }

  async forget(vendor: VendorName): Promise<void> {
    await this.cluster.json(this.door(await this.pod(vendor), 8001, '/seen'), { method: 'DELETE' });
  }

  async accept(vendor: VendorName, accepted: readonly string[]): Promise<void> {
    await this.cluster.json(this.door(await this.pod(vendor), 8001, '/keys'), {
      method: 'PUT',
      body: accepted,
    });
  }

  /** Stores a new key of a vendor, as whoever rotates keys does. */
  async rotateKey(vendor: VendorName, key: string): Promise<void> {
    await this.cluster.patch(`/api/v1/namespaces/${this.namespace}/secrets/${KEYS_SECRET}`, {
      stringData: { [vendor]: key },
    });
  }

  // Routes

  get routePath(): string {
    return `/apis/outrider.dev/v1alpha1/namespaces/${this.namespace}/llmroutes/${ROUTE}`;
  }

  reroute(targets: readonly Target[]): Promise<Manifest> {
    return this.cluster.patch(this.routePath, { spec: { rules: rules(targets) } });
  }

  /** Budgets of the route: every request reserves and settles from then on. */
  limit(): Promise<Manifest> {
    return this.cluster.patch(this.routePath, { spec: { budgets } });
  }

  /** Nano-USD that a workload spent of the budget of each, as the route's status says; undefined before it says so. */
  async spent(workload: string): Promise<bigint | undefined> {
    const { status } = await this.cluster.get(this.routePath);
    const all = (status.budgets ?? []) as { name: string; key: string; spent: string }[];
    const found = all.find(({ name, key }) => name === 'each' && key.split('/').includes(workload));
    return found && nanoUsd(found.spent);
  }

  /** The route with its status, once that is about this generation and says it runs everywhere. */
  programmed(withinMs = CHANGE_MS): Promise<Manifest> {
    return eventually('the route is programmed', withinMs, async () => {
      const found = await this.cluster.get(this.routePath);
      if (isProgrammed(found)) return found;
      throw new Error(JSON.stringify(found.status));
    });
  }

  // Load

  async startLoad(app: string, perSecond: number): Promise<void> {
    await this.cluster.json(this.door(await this.pod(app), 8080, '/load'), {
      method: 'POST',
      body: { perSecond },
    });
  }

  async load(app: string): Promise<LoadReport> {
    return this.cluster.json(this.door(await this.pod(app), 8080, '/load'));
  }

  async stopLoad(app: string): Promise<LoadReport> {
    return this.cluster.json(this.door(await this.pod(app), 8080, '/load'), { method: 'DELETE' });
  }
}

export const PREFER_NORTH: readonly Target[] = [
  { name: 'main', vendor: 'north' },
  { name: 'spare', vendor: 'south', priority: 1 },
];

export function isProgrammed({ metadata, status }: Manifest): boolean {
  const conditions = (status?.conditions ?? []) as {
    type: string;
    status: string;
    observedGeneration: number;
  }[];
  const generation = (metadata as { generation?: number }).generation;
  return ['Ready', 'Programmed'].every((type) =>
    conditions.some(
      (each) => each.type === type && each.status === 'True' && each.observedGeneration === generation,
    ),
  );
}

function nanoUsd(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(9, '0'));
}

/** The operator's pods. */
export const operatorPods = (cluster: Cluster): Promise<Manifest[]> =>
  cluster.list(`/api/v1/namespaces/${SYSTEM}/pods`, `app.kubernetes.io/name=${RELEASE}`);

const OPERATOR = `/apis/apps/v1/namespaces/${SYSTEM}/deployments/${RELEASE}`;

/** Ends every replica at once, as a lost node would: without a signal, and none comes back. */
export async function killOperator(cluster: Cluster): Promise<number> {
  const before = await cluster.get(OPERATOR);
  await cluster.patch(OPERATOR, { spec: { replicas: 0 } });
  await eventually('no replica is left', 60_000, async () => {
    const { status } = await cluster.get(OPERATOR);
    const left = await operatorPods(cluster);
    // One may be made in the place of another before the Deployment was heard.
    for (const { metadata } of left) await killPod(cluster, metadata.name);
    return left.length === 0 && (status.replicas ?? 0) === 0;
  });
  return before.spec.replicas as number;
}

export const killPod = (cluster: Cluster, name: string): Promise<void> =>
  cluster.delete(`/api/v1/namespaces/${SYSTEM}/pods/${name}`, { gracePeriodSeconds: 0 }).catch(() => {});

export async function startOperator(cluster: Cluster, replicas: number): Promise<void> {
  await cluster.patch(OPERATOR, { spec: { replicas } });
  await operatorReady(cluster, replicas);
}

export const operatorReady = (cluster: Cluster, replicas: number): Promise<true> =>
  eventually(`${replicas} replicas are ready, and no others are left`, 120_000, async () => {
    const pods = await operatorPods(cluster);
    const ready = pods.filter(({ status, metadata }) => {
      const conditions = (status.conditions ?? []) as { type: string; status: string }[];
      const isReady = conditions.some((each) => each.type === 'Ready' && each.status === 'True');
      return isReady && metadata.deletionTimestamp === undefined;
    });
    return ready.length === replicas && pods.length === replicas ? true : undefined;
  });

export const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${SYSTEM}/leases/${RELEASE}`;

/** Identity of who holds the Lease; empty while nobody does. */
export async function leader(cluster: Cluster): Promise<string> {
  const lease = await cluster.get(LEASE);
  return (lease.spec.holderIdentity as string | undefined) ?? '';
}
