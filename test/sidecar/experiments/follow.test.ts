import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../../sidecar/exchange.ts';
import { Experiments } from '../../../sidecar/experiments/experiments.ts';
import type { TableExperiment } from '../../../sidecar/routing/experiment/arms.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import type { RoutingTable } from '../../../sidecar/routing/table.ts';
import type { ExperimentsReport } from '../../../sidecar/snapshot/experiments/messages.ts';
import { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import type { ExperimentBody } from '../../../sidecar/snapshot/shapes/experiment.ts';
import { provider, route, rule, table, target } from '../routing/support.ts';

const KEY = 'ns/r trial';
const canary = {
  arm: 'next',
  steps: [10, 50, 100],
  intervalMs: 60_000,
  minRequests: 20,
  bounds: { errorPercent: 5 },
};
const body: ExperimentBody = {
  name: 'trial',
  stickyBy: { type: 'User' },
  arms: [{ name: 'next', targets: ['new'], percent: 0 }],
  onArmExhausted: 'Stay',
  mirror: [],
  canary,
};

const tableOf = (experiment: ExperimentBody): RoutingTable =>
  table(
    [route('r', ['*'], [rule('r', { targets: [target('old'), target('new')], experiment })])],
    [provider('old'), provider('new')],
  );

function begin(fleet?: FleetLink) {
  let now = 0;
  const state = routingState();
  state.canaries.waits = fleet !== undefined;
  const experiments = new Experiments({ state, now: () => now, fleet });
  const configured = tableOf(body);
  experiments.apply(configured);
  const experiment = configured.routes[0]?.rules[0]?.experiment as TableExperiment;
  /** Requests of an arm, a second apart from those before. */
  const serve = (arm: string, requests: number, failed: number): void => {
    now += 1000;
    for (let i = 0; i < requests; i++) {
      experiments.completed({
        plan: { arm: { experiment, arm: experiment.arms.find(({ name }) => name === arm) } },
        attempts: [],
        startedAt: now - 100,
        committedAt: now,
        outcome: i < failed ? { status: 500, errorCode: 'x', endedAt: now } : { status: 200, endedAt: now },
      } as unknown as Exchange);
    }
    now += 1000;
    experiments.look(KEY);
  };
  const percent = () => state.canaries.percent(experiment);
  return { experiments, state, serve, percent, configured, wait: (ms: number) => (now += ms) };
}

const reportOf = (fleet: FleetLink): ExperimentsReport | undefined => {
  const report = fleet.compose();
  if (report) fleet.delivered(report.sequence);
  return report?.experiments as ExperimentsReport | undefined;
};
const say = (fleet: FleetLink, percent: number, phase: string, pods = 3) =>
  fleet.hear({ experiments: { experiments: [{ key: KEY, pods, percent, phase }] } });

describe('a pod with an operator', () => {
  it('tries nothing until it is told, then does as it is told', () => {
    const fleet = new FleetLink();
    const { percent, experiments } = begin(fleet);
    expect(percent()).toBe(0);
    expect(experiments.podsOf(KEY)).toBeUndefined();
    say(fleet, 50, 'Progressing');
    expect(percent()).toBe(50);
    expect(experiments.podsOf(KEY)).toBe(3);
    say(fleet, 0, 'RolledBack');
    expect(percent()).toBe(0);
    say(fleet, 100, 'Complete', 5);
    expect(percent()).toBe(100);
    for (const nonsense of [
      undefined,
      'x',
      { experiments: [{ key: KEY, pods: 1, percent: 300, phase: 'Complete' }] },
    ]) {
      fleet.hear({ experiments: nonsense });
      expect(percent()).toBe(100);
    }
  });

  it('never moves on by itself, however fine it looks', () => {
    const fleet = new FleetLink();
    const { percent, serve, wait } = begin(fleet);
    say(fleet, 10, 'Progressing');
    wait(1e9);
    serve('next', 500, 0);
    serve('_rest', 500, 0);
    serve('next', 500, 0);
    expect(percent()).toBe(10);
  });

  it('goes back on evidence of its own, says so soon, and stays back until it hears something new', () => {
    const fleet = new FleetLink();
    let urgent = 0;
    fleet.onUrgent(() => urgent++);
    const { percent, serve } = begin(fleet);
    say(fleet, 10, 'Progressing');
    serve('_rest', 200, 2);
    serve('next', 30, 30);
    expect(percent()).toBe(0);
    expect(urgent).toBe(1);
    const entries = reportOf(fleet)?.experiments ?? [];
    expect(entries.map(({ percent: at, arms }) => [at, Object.keys(arms)])).toEqual([
      [10, ['_rest', 'next']],
      [undefined, []],
    ]);
    expect(entries[1]?.breach).toMatch(/^100\.0% of 30 requests failed/);
    say(fleet, 10, 'Progressing');
    expect(percent()).toBe(0);
    say(fleet, 50, 'Progressing');
    expect(percent()).toBe(50);
  });

  it('reports what was counted once, by the step it was counted at', () => {
    const fleet = new FleetLink();
    const { serve } = begin(fleet);
    say(fleet, 10, 'Progressing');
    serve('next', 5, 0);
    say(fleet, 50, 'Progressing');
    serve('next', 7, 1);
    const entries = reportOf(fleet)?.experiments ?? [];
    expect(
      entries.map(({ percent, arms }) => [percent, arms['next']?.requests, arms['next']?.errors]),
    ).toEqual([
      [10, 5, 0],
      [50, 7, 1],
    ]);
    expect(reportOf(fleet)).toBeUndefined();
  });

  it('tells a new leader nothing of arms that the experiment no longer has', () => {
    const fleet = new FleetLink();
    const { serve, experiments } = begin(fleet);
    const lead = (term: number) =>
      fleet.hear({
        experiments: { experiments: [{ key: KEY, pods: 1, percent: 10, phase: 'Progressing', term }] },
      });
    lead(1);
    serve('next', 5, 0);
    serve('_rest', 5, 0);
    reportOf(fleet);
    const arms = [{ name: 'renamed', targets: ['new'], percent: 0 }];
    experiments.apply(tableOf({ ...body, arms, canary: { ...canary, arm: 'renamed' } }));
    // It was under way when its arm went.
    serve('next', 1, 0);
    const told = () => reportOf(fleet)?.experiments.flatMap(({ arms: each }) => Object.keys(each));
    expect(told()).toBeUndefined();
    lead(2);
    expect(told()).toEqual(['_rest']);
  });

  it('reports all experiments by turns where one report has no room for them', () => {
    const fleet = new FleetLink();
    const experiments = new Experiments({ state: routingState(), now: () => 0, fleet });
    const { canary: _, ...plain } = body;
    const arms = [{ name: 'next', targets: ['new'], percent: 50 }];
    const routes = Array.from({ length: 60 }, (_each, i) =>
      route(
        `r${i}`,
        [`m${i}`],
        [rule('r', { targets: [target('old'), target('new')], experiment: { ...plain, arms } })],
      ),
    );
    const configured = table(routes, [provider('old'), provider('new')]);
    experiments.apply(configured);
    const reported = new Set<string>();
    for (let i = 0; i < 3; i++) {
      for (const { rules } of configured.routes) {
        const experiment = rules[0]?.experiment as TableExperiment;
        experiments.scored(experiment.key, 'next', 1);
      }
      for (const { key } of reportOf(fleet)?.experiments ?? []) reported.add(key);
    }
    expect(reported.size).toBe(60);
  });

  it('goes on where it was when another configuration names the same experiment', () => {
    const fleet = new FleetLink();
    const { percent, experiments, state, configured } = begin(fleet);
    say(fleet, 50, 'Progressing');
    experiments.apply(configured);
    expect(percent()).toBe(50);
    const renamed = tableOf({ ...body, name: 'second' });
    experiments.apply(renamed);
    const second = renamed.routes[0]?.rules[0]?.experiment as TableExperiment;
    expect(state.canaries.percent(second)).toBe(0);
  });
});

describe('a pod without an operator', () => {
  it('begins with the first step and moves on by itself', () => {
    const { percent, serve, wait, experiments } = begin();
    expect(percent()).toBe(10);
    expect(experiments.podsOf(KEY)).toBe(1);
    for (const step of [50, 100]) {
      serve('_rest', 100, 1);
      wait(60_000);
      serve('next', 30, 0);
      expect(percent()).toBe(step);
    }
    serve('next', 50, 0);
    wait(60_000);
    serve('next', 50, 0);
    expect(percent()).toBe(100);
  });
});
