import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../../../operator/events.ts';
import { type EvictionResult, Repair } from '../../../operator/inject/repair.ts';
import type { Uninjected } from '../../../operator/inject/uninjected.ts';
import type { UninjectedPod } from '../../../operator/inject/uninjected-pods.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { failing, RecordingClient } from '../support/recording-client.ts';

const MINUTE = 60_000;

/** Pods as the watch would have them. */
class Pods extends Map<string, UninjectedPod> {
  put(name: string, owner?: string, verdict: Partial<Uninjected> = {}): void {
    this.set(`shop/${name}`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', uid: `uid-${name}` },
      verdict: {
        reason: 'Missing',
        message: 'it has none',
        ...(owner ? { replacedBy: { kind: 'ReplicaSet', name: owner, uid: owner } } : {}),
        ...verdict,
      },
    });
    repair.changed(`shop/${name}`);
  }

  drop(name: string): void {
    this.delete(`shop/${name}`);
    repair.changed(`shop/${name}`);
  }

  *all() {
    for (const pod of this.values()) if (pod.verdict) yield { ...pod, verdict: pod.verdict };
  }
}

let clock: ManualClock;
let client: RecordingClient;
let pods: Pods;
let repair: Repair;
let told: ClusterEvent[];
let evictions: EvictionResult[];
let leads: boolean;

function start(evictionsPerMinute?: number): void {
  repair = new Repair({
    pods: { get: (key) => pods.get(key), values: () => pods.all() },
    events: { emit: (event) => told.push(event) },
    client,
    clock,
    random: () => 1,
    log: silentLog,
    isLeader: () => leads,
    ...(evictionsPerMinute === undefined ? {} : { evictionsPerMinute }),
    onEviction: (result) => evictions.push(result),
  });
}
beforeEach(() => {
  clock = new ManualClock();
  client = new RecordingClient();
  pods = new Pods();
  told = [];
  evictions = [];
  leads = true;
});
afterEach(() => repair.stop());

const settle = () => repair.queue.idle();
const tellings = () => told.map(({ reason, type, regarding }) => `${type} ${reason} ${regarding.name}`);
const evicted = () =>
  client.taken().map((request) => request.replace('POST /api/v1/namespaces/shop/pods/', ''));

describe('repair', () => {
  it('tells of each pod once, and again while nothing changes', async () => {
    start();
    pods.put('web-1', 'web');
    pods.put('node-agent', undefined, { reason: 'HostNetwork', message: 'it uses the network of its node' });
    pods.put('broken', undefined, { reason: 'Refused' });
    await settle();
    expect(tellings()).toEqual([
      'Warning SidecarMissing web-1',
      'Normal SidecarSkipped node-agent',
      'Warning SidecarMissing broken',
    ]);
    expect(told[0]).toEqual({
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'uid-web-1' },
      type: 'Warning',
      reason: 'SidecarMissing',
      action: 'Inject',
      note: 'it has none',
    });
    pods.put('web-1', 'web');
    await clock.pass(29 * MINUTE, settle);
    expect(told).toHaveLength(3);
    pods.drop('broken');
    await clock.pass(2 * MINUTE, settle);
    expect(tellings().slice(3).sort().reverse()).toEqual([
      'Warning SidecarMissing web-1',
      'Normal SidecarSkipped node-agent',
    ]);
    expect(evicted()).toEqual([]);
    expect([...repair.counts()]).toEqual([
      ['Missing', 1],
      ['HostNetwork', 1],
    ]);
  });

  it('is the business of the leader alone', async () => {
    leads = false;
    start(60);
    pods.put('web-1', 'web');
    await clock.pass(60 * MINUTE, settle);
    expect([told, evicted()]).toEqual([[], []]);
    leads = true;
    repair.look();
    await settle();
    expect(tellings()).toEqual(['Warning SidecarMissing web-1']);
    expect(evicted()).toEqual(['web-1/eviction']);
  });

  it('evicts the pod that was judged, where that is asked for', async () => {
    start(6);
    pods.put('web-1', 'web');
    await settle();
    expect(client.requests).toEqual([
      {
        method: 'POST',
        path: '/api/v1/namespaces/shop/pods/web-1/eviction',
        body: {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name: 'web-1', namespace: 'shop' },
          deleteOptions: { preconditions: { uid: 'uid-web-1' } },
        },
      },
    ]);
    expect(evictions).toEqual(['Evicted']);
  });

  it('leaves pods alone that nobody replaces', async () => {
    start(60);
    pods.put('bare');
    pods.put('agent', undefined, { reason: 'HostNetwork' });
    await clock.pass(60 * MINUTE, settle);
    expect(evicted()).toEqual([]);
  });

  it('evicts few a minute, one of an owner at a time, all in the end', async () => {
    start(6);
    client.answer = ({ path }) => {
      const name = path.split('/')[6] ?? '';
      pods.drop(name);
      return {};
    };
    for (const owner of ['a', 'b', 'c', 'd']) for (const i of [1, 2, 3]) pods.put(`${owner}-${i}`, owner);
    const times: [string, number][] = [];
    for (let second = 0; second < 200; second++) {
      await settle();
      for (const name of evicted()) times.push([name, second]);
      clock.advance(1000);
    }
    expect(times).toHaveLength(12);
    const seconds = times.map(([, second]) => second);
    const gaps = seconds.slice(1).map((second, i) => second - (seconds[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10);
    for (const owner of ['a', 'b', 'c', 'd']) {
      const own = times.filter(([name]) => name.startsWith(owner)).map(([, second]) => second);
      expect((own[1] ?? 0) - (own[0] ?? 0)).toBeGreaterThanOrEqual(60);
    }
  });

  it('waits for a budget of disruption', async () => {
    start(60);
    client.answer = failing(429, 'TooManyRequests');
    pods.put('web-1', 'web');
    await clock.pass(65_000, settle);
    expect(evicted()).toEqual(['web-1/eviction', 'web-1/eviction', 'web-1/eviction']);
    expect(evictions).toEqual(['Blocked', 'Blocked', 'Blocked']);
    client.answer = failing(404, 'NotFound');
    await clock.pass(30_000, settle);
    expect(evictions.at(-1)).toBe('Gone');
  });

  it('does not go in circles where injection does not work', async () => {
    start(60);
    pods.put('web-1', 'web');
    await settle();
    pods.drop('web-1');
    pods.put('web-2', 'web');
    await clock.pass(50 * MINUTE, settle);
    expect(evicted()).toEqual(['web-1/eviction']);
    expect(tellings().filter((telling) => telling.includes('InVain'))).toEqual([
      'Warning EvictionInVain web-2',
    ]);
    client.answer = () => pods.drop('web-2');
    await clock.pass(15 * MINUTE, settle);
    expect(evicted()).toEqual(['web-2/eviction']);
  });

  it('comes back to what failed', async () => {
    start(60);
    client.answer = failing(500);
    pods.put('web-1', 'web');
    await settle();
    client.answer = () => ({});
    await clock.pass(5_000, settle);
    expect(evictions).toEqual(['Failed', 'Evicted']);
    expect(tellings()).toEqual(['Warning SidecarMissing web-1']);
  });
});
