import { describe, expect, it } from 'vitest';
import { PodLimits } from '../../../../operator/ledger/rates/pod-limits.ts';
import { RateSharing } from '../../../../operator/ledger/rates/rate-sharing.ts';
import { Limits } from '../../../../sidecar/limits/limits.ts';
import { FleetRates } from '../../../../sidecar/limits/rates/fleet-rates.ts';
import type { Candidate } from '../../../../sidecar/routing/plan.ts';
import type { ProviderBody, RouteBody, Snapshot } from '../../../../sidecar/snapshot/schema.ts';
import { VirtualClock } from '../../../sidecar/dispatch/virtual-clock.ts';
import { credential, facts, provider, rule, target } from '../../../sidecar/routing/support.ts';

const MINUTE = 60_000;
const NORMAL = 2;
const ID = 'provider/ns/p';

class World {
  readonly clock = new VirtualClock();
  readonly sharing: RateSharing;
  readonly pods: { uid: string; limits: Limits; rates: FleetRates; sent: number[] }[] = [];
  readonly body: ProviderBody;

  constructor(count: number, body: ProviderBody) {
    this.body = body;
    const item = { kind: 'Provider', id: ID, generation: 1, state: 'Valid', requires: [], body };
    const snapshot = { version: 1, hash: '', items: [item] } as unknown as Snapshot;
    const uids = Array.from({ length: count }, (_, i) => `p${i}`);
    const workload = (uid: string) => ({ namespace: 'ns', name: uid, uid, labels: {} });
    const podLimits = new PodLimits({
      pod: (uid) => (uids.includes(uid) ? workload(uid) : undefined),
      running: () => uids.map(workload),
      monotonic: () => this.clock.now,
    });
    podLimits.update({ snapshotFor: () => snapshot });
    this.sharing = new RateSharing({
      limitOf: (uid, id) => podLimits.find(uid, id),
      podsOf: (id) => podLimits.podsOf(id),
      lives: (uid) => uids.includes(uid),
      term: () => 1,
      monotonic: () => this.clock.now,
    });
    for (const uid of uids) this.#start(uid);
  }

  #start(uid: string): void {
    const { clock } = this;
    const limits = new Limits({
      now: () => clock.now,
      wall: () => clock.wall(),
      estimates: { inputTokens: (_, estimated) => estimated, outputReserve: () => 50 },
    });
    const rates = new FleetRates({ clock, shared: true });
    rates.serve(limits, { limits: new Map(), freed: () => {} });
    limits.onShort(() => rates.shortOfShares());
    limits.apply({
      providers: new Map([[ID, { id: ID, generation: 1, body: this.body, reason: undefined }]]),
    });
    rates.applied();
    const report = (): void => {
      rates.hear(this.sharing.answer({ uid, namespace: 'ns' }, 'e', rates.compose()));
    };
    rates.onUrgent(report);
    const regularly = (): void => {
      report();
      clock.after(rates.nextInMs() ?? 30_000, regularly);
    };
    regularly();
    this.pods.push({ uid, limits, rates, sent: [] });
  }

  candidate(key?: string): Candidate {
    return {
      index: 0,
      target: target('p'),
      providerId: ID,
      provider: this.body,
      credential: this.body.credentials.find(({ name }) => name === key),
      upstreamModel: 'm',
      model: undefined,
    };
  }

  /** Each pod asks so often a second. */
  run(ms: number, rps: readonly number[], key?: string): void {
    const candidate = this.candidate(key);
    const due = rps.map(() => 0);
    for (let passed = 0; passed < ms; passed += 20) {
      this.clock.advance(20);
      for (const [i, rate] of rps.entries()) {
        const pod = this.pods[i];
        let asks = (due[i] ?? 0) + rate / 50;
        if (!pod) continue;
        for (; asks >= 1; asks--) {
          const { now } = this.clock;
          const permit = pod.limits.reserve(candidate, facts({ inputTokens: 10 }), NORMAL, now);
          if (typeof permit === 'string') continue;
          permit.answered();
          permit.end(false, now);
          pod.sent.push(now);
        }
        due[i] = asks;
      }
    }
  }

  most(length: number): number {
    const all = this.pods.flatMap(({ sent }) => sent).sort((a, b) => a - b);
    let first = 0;
    let most = 0;
    for (const [i, at] of all.entries()) {
      while ((all[first] as number) <= at - length) first++;
      most = Math.max(most, i - first + 1);
    }
    return most;
  }
}

describe('limits of providers', () => {
  it('hold for all pods together, and one of many may use nearly all of them', () => {
    const world = new World(20, provider('p', { limits: { requestsPerMinute: 600 } }));
    world.run(2 * MINUTE, [30]);
    expect(world.most(MINUTE)).toBeLessThanOrEqual(600);
    const { now } = world.clock;
    world.run(MINUTE, [30]);
    const sent = world.pods[0]?.sent.filter((at) => at >= now).length;
    expect(sent).toBeGreaterThanOrEqual(570);
  });

  it('hold while demand moves from pod to pod', () => {
    const world = new World(5, provider('p', { limits: { requestsPerMinute: 300 } }));
    for (let i = 0; i < 12; i++)
      world.run(
        10_000,
        [0, 1, 2, 3, 4].map((pod) => (pod === i % 5 ? 20 : 1)),
      );
    expect(world.most(MINUTE)).toBeLessThanOrEqual(300);
    expect(world.pods.flatMap(({ sent }) => sent).length).toBeGreaterThan(500);
  });

  it('of keys are shared by themselves', () => {
    const key = credential('a', { limits: { requestsPerMinute: 120 } });
    const world = new World(4, provider('p', { credentials: [key] }));
    world.run(2 * MINUTE, [5, 5, 5, 5], 'a');
    expect(world.most(MINUTE)).toBeLessThanOrEqual(120);
    for (const { sent } of world.pods) expect(sent.length).toBeGreaterThan(30);
  });

  it('go along with what the provider says is left: a pod takes its share of that', () => {
    const key = credential('a', { limits: { requestsPerMinute: 1000 } });
    const world = new World(2, provider('p', { type: 'OpenAI', credentials: [key] }));
    world.run(10_000, [20, 20], 'a');
    const [first] = world.pods as [World['pods'][number]];
    const candidate = world.candidate('a');
    first.limits.heard({ candidate, startedAt: world.clock.now } as never, [
      'x-ratelimit-limit-requests',
      '1000',
      'x-ratelimit-remaining-requests',
      '20',
      'x-ratelimit-reset-requests',
      '30s',
    ]);
    const before = first.sent.length;
    world.run(5_000, [20], 'a');
    const more = first.sent.length - before;
    expect(more).toBeGreaterThan(3);
    // All of what is left would be 20.
    expect(more).toBeLessThan(20);
  });
});

describe('what a pod runs under', () => {
  const limit = {
    id: 'route/ns/r/main/l',
    rate: { of: 'Requests' as const, amount: 600, per: 'Minute' as const, burst: 60 },
    concurrency: 5,
    key: [{ by: 'Namespace' as const }],
    maxKeys: 10,
    maxWaitMs: 0,
  };
  const body: RouteBody = {
    namespace: 'ns',
    name: 'r',
    uid: 'u',
    rules: [rule('main', { rateLimits: [limit] })],
  };
  const item = { kind: 'Route', id: 'route/ns/r', generation: 1, rank: 0, models: ['m'], requires: [] };
  const snapshotWith = (over: object): Snapshot =>
    ({ version: 1, hash: '', items: [{ ...item, ...over }] }) as unknown as Snapshot;

  it('is told by its snapshot, and stays while the route is invalid', () => {
    const pod = { namespace: 'ns', name: 'a', uid: 'a', labels: {} };
    const limits = new PodLimits({
      pod: () => pod,
      running: () => [pod, { ...pod, uid: 'b' }],
      monotonic: () => 0,
    });
    expect(limits.find('a', limit.id)).toBeUndefined();
    limits.update({ snapshotFor: () => snapshotWith({ state: 'Valid', body }) });
    const wanted = {
      rate: { capacity: 60, lengthMs: 6000 },
      atOnce: { capacity: 5, lengthMs: 0 },
      byNamespace: true,
    };
    expect(limits.find('a', limit.id)).toEqual(wanted);
    expect(limits.podsOf(limit.id)).toEqual(['a', 'b']);
    limits.update({ snapshotFor: () => snapshotWith({ state: 'Invalid' }) });
    expect(limits.find('a', limit.id)).toEqual(wanted);
    limits.update({
      snapshotFor: () => snapshotWith({ state: 'Valid', body: { ...body, rules: [rule('main')] } }),
    });
    expect(limits.find('a', limit.id)).toBeUndefined();
  });
});
