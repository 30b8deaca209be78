/** A canary over a fleet on virtual time: pods, their links, and leaders that come and go; every message as JSON. */
import { describe, expect, it } from 'vitest';
import type { StoredExperiment } from '../../../operator/fleet/experiment-status.ts';
import { ExperimentsTopic } from '../../../operator/fleet/experiments.ts';
import { FleetKnowledge } from '../../../operator/fleet/knowledge.ts';
import type { Exchange } from '../../../sidecar/exchange.ts';
import { Experiments } from '../../../sidecar/experiments/experiments.ts';
import { chooseArm, type TableExperiment } from '../../../sidecar/routing/experiment/arms.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import type { RouteItem } from '../../../sidecar/snapshot/schema.ts';
import type { ExperimentBody } from '../../../sidecar/snapshot/shapes/experiment.ts';
import { facts, table } from '../../sidecar/routing/support.ts';
import { routeItem, rule, snapshotOf, target } from '../../sidecar/support/configuration.ts';
import { lognormal, seeded } from '../../simulator/chance.ts';

const MINUTE = 60_000;
const REPORT_MS = 20_000;
const PODS = 5;

const body: ExperimentBody = {
  name: 'trial',
  stickyBy: { type: 'Header', header: 'x-user' },
  arms: [{ name: 'next', targets: ['new'], percent: 0 }],
  onArmExhausted: 'Stay',
  mirror: [],
  canary: {
    arm: 'next',
    steps: [1, 5, 25, 50, 100],
    intervalMs: 5 * MINUTE,
    minRequests: 50,
    bounds: { errorPercent: 5, latencyPercent: 150 },
  },
};
const item: RouteItem = routeItem(
  'assistant',
  ['m'],
  [rule([target('old'), target('new')], { experiment: body })],
);
const snapshot = snapshotOf([item]);
const configured = table([
  { id: item.id, rank: 0, models: item.models, generation: 1, body: item.body, reason: undefined },
]);
const experiment = configured.routes[0]?.rules[0]?.experiment as TableExperiment;

class Fleet {
  now = 0;
  term = 0;
  stored: StoredExperiment[] | undefined;
  leader: { topic: ExperimentsTopic; knowledge: FleetKnowledge } | undefined;
  readonly random: () => number;
  readonly pods;
  served = { next: 0, failed: 0 };

  constructor(seed: number) {
    this.random = seeded(seed);
    this.pods = Array.from({ length: PODS }, (_, i) => this.#pod(`pod-${i}`));
    this.lead();
  }

  #pod(uid: string) {
    const link = new FleetLink();
    const state = routingState();
    state.canaries.waits = true;
    const experiments = new Experiments({ state, now: () => this.now, fleet: link });
    experiments.apply(configured);
    return { uid, link, state, experiments, live: { uid, name: uid, namespace: 'shop', labels: {} } };
  }

  /** A new leader, which has nothing but the status. */
  lead(): void {
    const term = ++this.term;
    const topic = new ExperimentsTopic({
      stored: () => this.stored,
      wall: () => 1e12 + this.now,
      term: () => term,
    });
    const pods = { get: () => undefined, onChange: () => () => {} };
    this.leader = { topic, knowledge: new FleetKnowledge({ topics: [topic], pods }) };
  }

  /** Minutes of traffic, so many requests a second; `failing`: share of the canary's that fail. */
  run(minutes: number, perSecond: number, failing: number, slower = 1): void {
    for (const end = this.now + minutes * MINUTE; this.now < end; ) {
      this.now += 1000;
      for (let i = 0; i < perSecond; i++) this.#request(failing, slower);
      if (this.now % REPORT_MS === 0) for (const pod of this.pods) this.#report(pod);
    }
  }

  /** Rounds of reports without a request. */
  quiet(rounds: number): void {
    for (let i = 0; i < rounds; i++) {
      this.now += REPORT_MS;
      for (const pod of this.pods) this.#report(pod);
    }
  }

  #request(failing: number, slower: number): void {
    const pod = this.pods[Math.floor(this.random() * PODS)];
    if (!pod) return;
    const user = `user ${Math.floor(this.random() * 1e6)}`;
    const percent = pod.state.canaries.percent(experiment);
    const arm = chooseArm(experiment, percent, facts({}, { 'x-user': user }), this.random);
    const isNext = arm.arm.name === 'next';
    const fails = this.random() < (isNext ? failing : 0.01);
    if (isNext) this.served.next++;
    if (isNext && fails) this.served.failed++;
    const took = lognormal(this.random, isNext ? 300 * slower : 300, 0.5);
    pod.experiments.completed({
      plan: { arm },
      attempts: [],
      startedAt: this.now - took,
      committedAt: this.now,
      outcome: { status: fails ? 503 : 200, endedAt: this.now, ...(fails && { errorCode: 'x' }) },
    } as unknown as Exchange);
  }

  #report({ live, link }: Fleet['pods'][number]): void {
    if (!this.leader) return;
    const { knowledge, topic } = this.leader;
    const audience = { pod: live, snapshot };
    const report = link.compose();
    if (report) {
      knowledge.accept(audience, 'epoch', JSON.parse(JSON.stringify(report)), this.now);
      link.delivered(report.sequence);
    }
    link.hear(JSON.parse(JSON.stringify(knowledge.hintsFor(audience, this.now) ?? {})));
    this.stored = topic.statusOf(item.id);
  }

  get status(): StoredExperiment | undefined {
    return this.stored?.[0];
  }

  get percents(): number[] {
    return this.pods.map(({ state }) => state.canaries.percent(experiment));
  }
}

describe('a canary over five pods', () => {
  it('gets all traffic where it is just as good, through a change of leader', () => {
    const fleet = new Fleet(1);
    fleet.run(1, 20, 0.01);
    expect(fleet.percents).toEqual([1, 1, 1, 1, 1]);
    fleet.run(7, 20, 0.01);
    const before = fleet.status?.percent ?? 0;
    expect(before).toBeGreaterThan(1);
    fleet.lead();
    fleet.run(1, 20, 0.01);
    expect(fleet.status?.percent).toBeGreaterThanOrEqual(before);
    fleet.run(40, 20, 0.01);
    expect(fleet.status).toMatchObject({ phase: 'Complete', percent: 100 });
    expect(fleet.percents).toEqual([100, 100, 100, 100, 100]);
  });

  it('keeps its results through changes of leader, each request counted once', () => {
    const fleet = new Fleet(6);
    const counted = () => fleet.status?.arms.map(({ name, requests, errors }) => [name, requests, errors]);
    fleet.run(9, 20, 0.01);
    const before = fleet.status?.arms ?? [];
    expect(before.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThan(9 * 60 * 19);
    const known = counted();
    fleet.lead();
    // One round to hear of the new leader, one to tell it everything.
    fleet.quiet(3);
    expect(counted()).toEqual(known);
    for (let i = 0; i < 3; i++) {
      fleet.lead();
      fleet.run(1, 20, 0.01);
    }
    fleet.quiet(3);
    const total = fleet.status?.arms.reduce((sum, { requests }) => sum + requests, 0);
    expect(total).toBe(12 * 60 * 20);
  });

  it('goes back everywhere within minutes where it fails, in every run', () => {
    for (let seed = 1; seed <= 4; seed++) {
      const fleet = new Fleet(seed);
      for (let i = 0; i < 60 && fleet.status?.phase !== 'RolledBack'; i++) fleet.run(1, 20, 0.3);
      fleet.run(1, 20, 0.3);
      expect(fleet.status).toMatchObject({ phase: 'RolledBack', percent: 0 });
      expect(fleet.percents).toEqual([0, 0, 0, 0, 0]);
      expect(fleet.served.next).toBeLessThan(150);
    }
  });

  it('goes back where it is slow', () => {
    const fleet = new Fleet(4);
    for (let i = 0; i < 60 && fleet.status?.phase !== 'RolledBack'; i++) fleet.run(1, 20, 0.01, 3);
    expect(fleet.status).toMatchObject({ phase: 'RolledBack' });
    expect(fleet.status?.message).toMatch(/p95/);
  });

  it('stays at its step while nobody leads, and a pod that is sure goes back alone', () => {
    const fleet = new Fleet(2);
    for (let i = 0; i < 60 && (fleet.status?.percent ?? 0) < 25; i++) fleet.run(1, 10, 0.01);
    const [step] = fleet.percents;
    expect(step).toBeGreaterThanOrEqual(25);
    fleet.leader = undefined;
    fleet.run(12, 10, 0.01);
    expect(new Set(fleet.percents)).toEqual(new Set([step]));
    fleet.run(10, 10, 0.6);
    expect(fleet.percents).toEqual([0, 0, 0, 0, 0]);
    // Told to go on where it was, a pod has its own word first; the leader learns of the failures meanwhile.
    fleet.lead();
    fleet.run(2, 10, 0.6);
    expect(fleet.percents.filter((percent) => percent > 0)).toEqual([]);
  });

  it('is stopped by chance in none of 3 runs', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const fleet = new Fleet(seed);
      fleet.run(20, 10, 0.01);
      expect(fleet.status?.phase).not.toBe('RolledBack');
    }
  });
});
