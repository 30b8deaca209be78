/** Operators that elect a leader on the embedded API server, and sidecars that do not notice when it goes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allCrds } from '../../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import type { RunningOperator } from '../../../operator/operator.ts';
import type { RowSource } from '../../../sidecar/snapshot/reporter.ts';
import {
  aProvider,
  aRoute,
  brief,
  Cluster,
  metric,
  runs,
  type SimulatedSidecar,
} from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const LEASE = { namespace: 'shop', name: 'outrider' };
const LEASE_PATH = '/apis/coordination.k8s.io/v1/namespaces/shop/leases';

let api: ApiServer;
let cluster: Cluster;
const losses: string[] = [];

beforeEach(async () => {
  losses.length = 0;
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
  // As the chart installs it: free, so that nobody has to wait for the first leader.
  await cluster.api.json({
    method: 'POST',
    path: LEASE_PATH,
    body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: LEASE },
  });
});

afterEach(async () => {
  await cluster.stop();
  await api.close();
});

const electing = (replica: string, leaseSeconds: number) => ({
  reportIntervalMs: 500,
  election: { ...LEASE, replica, host: '127.0.0.1', leaseSeconds, onLost: () => void losses.push(replica) },
});

/** The first leads, the others follow it. */
async function started(
  leaseSeconds: number,
  kubeConfig?: string,
): Promise<[RunningOperator, RunningOperator, RunningOperator]> {
  const first = await cluster.operator(electing('first', leaseSeconds), kubeConfig);
  await until(() => first.leadership.isLeader(), 'the first leader');
  const second = await cluster.operator(electing('second', leaseSeconds));
  const third = await cluster.operator(electing('third', leaseSeconds));
  const address = `127.0.0.1:${first.address.port}`;
  const know = () => [second, third].every(({ leadership }) => leadership.leaderAddress() === address);
  await until(know, 'the followers to know the leader');
  return [first, second, third];
}

/** Rows as they come from requests, and what became of them. */
class Rows implements RowSource {
  acknowledged = 0;
  produced = 0;

  pending(limit: number): unknown[] {
    const count = Math.min(limit, this.produced - this.acknowledged);
    return Array.from({ length: count }, (_, index) => ({ seq: this.acknowledged + index + 1 }));
  }

  acknowledge(seq: number): void {
    this.acknowledged = Math.max(this.acknowledged, seq);
  }
}

/** Everything that the status of the route ever said, without repetitions. */
function watchStatus(name: string): { said: string[]; stop: () => Promise<void> } {
  const said: string[] = [];
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const route = await cluster.get('LLMRoute', 'shop', name);
      const text = brief((route?.status as Parameters<typeof brief>[0]) ?? {});
      if (said.at(-1) !== text) said.push(text);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    said,
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}

const leaderOf = (operators: RunningOperator[]) => operators.find(({ leadership }) => leadership.isLeader());
const streamsOf = (operators: RunningOperator[], sidecars: SimulatedSidecar[]) =>
  sidecars.map(
    ({ pod }, index) => operators[index % operators.length]?.registry.get(pod.uid)?.connectedSince,
  );
const rowsOf = (operator: RunningOperator) => metric(operator, 'outrider_operator_sync_usage_rows_total');

describe('a takeover', () => {
  it('after a leader that leaves in order moves reports alone: no stream, row, status or change is lost', async () => {
    const [first, ...others] = await started(6);
    await cluster.create(aProvider());
    await cluster.create(aRoute('assistant'));
    const rows = Array.from({ length: 6 }, () => new Rows());
    const sidecars: SimulatedSidecar[] = [];
    for (const [index, source] of rows.entries()) {
      const pod = await cluster.pod('shop', `web-${index}`);
      const follower = others[index % 2] as RunningOperator;
      sidecars.push(await cluster.sidecar(follower, pod, { rows: source }));
    }
    await cluster.status('LLMRoute', 'shop', 'assistant', (status) => brief(status) === 'True/Programmed@1');
    expect(first.registry.list()).toHaveLength(6);
    expect(others.flatMap(({ registry }) => registry.list()).filter(({ ack }) => ack)).toEqual([]);
    const streams = streamsOf(others, sidecars);
    const status = watchStatus('assistant');
    const producing = setInterval(() => {
      for (const source of rows) source.produced += 1;
    }, 5);
    const term = first.leadership.term() ?? 0;
    await until(() => rows.every(({ acknowledged }) => acknowledged > 20), 'rows to arrive');

    await first.leadership.stop();
    const taken = await rowsOf(first);
    await until(() => leaderOf(others) !== undefined, 'the next leader');
    const next = leaderOf(others) as RunningOperator;
    expect(next.leadership.term()).toBe(term + 1);
    await until(() => next.registry.list().filter(({ ack }) => ack).length === 6, 'every report');
    clearInterval(producing);
    await until(() => rows.every(({ acknowledged, produced }) => acknowledged === produced), 'every row');

    // Every row was taken by a leader; the first took none after it had given up.
    const produced = rows.reduce((sum, row) => sum + row.produced, 0);
    expect(taken + (await rowsOf(next))).toBeGreaterThanOrEqual(produced);
    expect(await rowsOf(first)).toBe(taken);
    await cluster.stopOperator(first);
    expect(streamsOf(others, sidecars)).toEqual(streams);
    expect(sidecars.map(({ client }) => client.status().connected)).toEqual(sidecars.map(() => true));

    await cluster.apply(aRoute('assistant', { model: 'other' }));
    await cluster.status('LLMRoute', 'shop', 'assistant', (said) => brief(said) === 'True/Programmed@2');
    await Promise.all(sidecars.map((sidecar) => runs(sidecar, 'route/shop/assistant', 2)));
    await until(() => status.said.at(-1) === 'True/Programmed@2', 'the watch to hear of it');
    await status.stop();
    expect(status.said).toEqual(['True/Programmed@1', 'True/Programmed@2']);
    expect(losses).toEqual([]);
  });

  it('after a leader that is cut off waits for it to stop acting, and tells it', async () => {
    const proxy = await new TcpProxy(Number(new URL(api.url).port)).start();
    const viaProxy = api.kubeconfig().replaceAll(api.url, `http://127.0.0.1:${proxy.port}`);
    const [first, ...others] = await started(4, viaProxy);
    await cluster.create(aProvider());
    await cluster.create(aRoute('assistant'));
    const sidecar = await cluster.sidecar(others[0], await cluster.pod('shop', 'web'));
    await cluster.status('LLMRoute', 'shop', 'assistant', (status) => brief(status) === 'True/Programmed@1');
    const status = watchStatus('assistant');
    const together: number[] = [];
    const counting = setInterval(() => {
      together.push([first, ...others].filter(({ leadership }) => leadership.isLeader()).length);
    }, 5);
    await proxy.cut();
    await until(() => leaderOf(others) !== undefined, 'the next leader');
    clearInterval(counting);
    expect(losses).toEqual(['first']);
    expect(Math.max(...together)).toBe(1);
    expect(together).toContain(0);
    await cluster.apply(aRoute('assistant', { model: 'other' }));
    await cluster.status('LLMRoute', 'shop', 'assistant', (said) => brief(said) === 'True/Programmed@2');
    await until(() => status.said.at(-1) === 'True/Programmed@2', 'the watch to hear of it');
    await status.stop();
    expect(status.said).toEqual(['True/Programmed@1', 'True/Programmed@2']);
    expect(sidecar.client.status().connected).toBe(true);
  });
});

describe('a replica', () => {
  it('alone leads; one of several tells which it is', async () => {
    const alone = await cluster.operator();
    expect(alone.leadership.isLeader()).toBe(true);
    const [leader, follower] = await started(6);
    expect(await metric(leader, 'outrider_operator_leader')).toBe(1);
    expect(await metric(leader, 'outrider_operator_leader_term')).toBe(leader.leadership.term());
    expect(await metric(follower, 'outrider_operator_leader')).toBe(0);
  });

  it('does not stand for election before it knows what there is', async () => {
    const proxy = await new TcpProxy(Number(new URL(api.url).port)).start();
    const viaProxy = api.kubeconfig().replaceAll(api.url, `http://127.0.0.1:${proxy.port}`);
    await proxy.cut();
    const operator = await cluster.operator(electing('first', 3), viaProxy);
    expect(operator.leadership.isLeader()).toBe(false);
    await proxy.start();
    await until(() => operator.leadership.isLeader(), 'the lead');
    let ready = false;
    void operator.ready.then(() => (ready = true));
    await until(() => ready);
  });
});
