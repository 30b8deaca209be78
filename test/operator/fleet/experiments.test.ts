import { describe, expect, it } from 'vitest';
import type { StoredExperiment } from '../../../operator/fleet/experiment-status.ts';
import { ExperimentsTopic } from '../../../operator/fleet/experiments.ts';
import type { HintAudience } from '../../../operator/fleet/topic.ts';
import {
  type ArmTotals,
  noTotals,
  observe,
  observeLatency,
} from '../../../sidecar/snapshot/experiments/arm-totals.ts';
import type { ExperimentHints } from '../../../sidecar/snapshot/experiments/messages.ts';
import type { ExperimentBody } from '../../../sidecar/snapshot/shapes/experiment.ts';
import { routeItem, rule, snapshotOf, target } from '../../sidecar/support/configuration.ts';

const KEY = 'shop/assistant trial';
const ROUTE = 'route/shop/assistant';
const MINUTE = 60_000;

const experiment = (over: Partial<ExperimentBody> = {}): ExperimentBody => ({
  name: 'trial',
  stickyBy: { type: 'User' },
  arms: [{ name: 'next', targets: ['new'], percent: 0 }],
  onArmExhausted: 'Stay',
  mirror: [],
  canary: {
    arm: 'next',
    steps: [10, 50, 100],
    intervalMs: MINUTE,
    minRequests: 20,
    bounds: { errorPercent: 5 },
  },
  ...over,
});

function audience(uid: string, body: ExperimentBody = experiment(), route = 'assistant'): HintAudience {
  const targets = [target('old'), target('new')];
  const item = routeItem(route, ['m'], [rule(targets, { experiment: body })]);
  return { pod: { uid, name: uid, namespace: 'shop', labels: {} }, snapshot: snapshotOf([item]) };
}

function totals(requests: number, errors: number): ArmTotals {
  const made = { ...noTotals(), requests, errors };
  for (let i = 0; i < requests - errors; i++) {
    observeLatency(made, 200);
    observe(made.cost, 1_000_000 + (i % 3));
  }
  return made;
}

const report = (percent: number, arms: Record<string, ArmTotals>, key = KEY) => ({
  experiments: [{ key, percent, arms }],
});
const fine = () => ({ next: totals(30, 0), _rest: totals(300, 3) });

function topic(stored?: StoredExperiment[], term?: number) {
  const moved: string[] = [];
  let wall = 1_000_000_000_000;
  const made = new ExperimentsTopic({
    stored: () => stored,
    wall: () => wall,
    term: () => term,
    news: (route) => moved.push(route),
  });
  const hint = (who: HintAudience, now = 0) => (made.hintsFor(who, now) as ExperimentHints).experiments[0];
  return { made, moved, hint, pass: (ms: number) => (wall += ms), wall: () => wall };
}

describe('experiments of the fleet', () => {
  it('moves a canary on by what all pods saw together, and tells them', () => {
    const { made, moved, hint, pass } = topic();
    const [a, b] = [audience('a'), audience('b')];
    expect(hint(a)).toEqual({ key: KEY, pods: 1, percent: 10, phase: 'Progressing' });
    expect(hint(b)).toMatchObject({ pods: 2 });
    pass(MINUTE);
    // Ten each are too few for one pod, and not for two.
    made.accept(a, report(10, { next: totals(10, 0), _rest: totals(100, 1) }), 0);
    expect(hint(a)).toMatchObject({ percent: 10 });
    made.accept(b, report(10, { next: totals(10, 0), _rest: totals(100, 1) }), 0);
    expect(hint(a)).toMatchObject({ percent: 50, phase: 'Progressing' });
    expect(moved).toEqual([ROUTE]);
  });

  it('counts only what was served at the step', () => {
    const { made, hint, pass } = topic();
    const a = audience('a');
    hint(a);
    pass(MINUTE);
    made.accept(a, report(10, fine()), 0);
    expect(hint(a)).toMatchObject({ percent: 50 });
    pass(MINUTE);
    made.accept(a, report(10, fine()), 0);
    expect(hint(a)).toMatchObject({ percent: 50 });
    made.accept(a, report(50, fine()), 0);
    expect(hint(a)).toMatchObject({ percent: 100, phase: 'Progressing' });
    pass(MINUTE);
    made.accept(a, report(100, { next: totals(30, 0) }), 0);
    expect(hint(a)).toMatchObject({ percent: 100, phase: 'Complete' });
  });

  it('sends it back when it is surely worse, and says why in the status', () => {
    const { made, hint } = topic();
    const a = audience('a');
    made.accept(a, report(10, { next: totals(30, 20), _rest: totals(300, 3) }), 0);
    expect(hint(a)).toMatchObject({ percent: 0, phase: 'RolledBack' });
    const [status] = made.statusOf(ROUTE) ?? [];
    expect(status).toMatchObject({ name: 'trial', phase: 'RolledBack', percent: 0 });
    expect(status?.message).toMatch(/^66\.7% of 30 requests failed, of the others 1\.0%/);
    const next = status?.arms.find(({ name }) => name === 'next');
    expect(next).toMatchObject({ requests: 30, errors: 20, errorPercent: '66.67' });
    const { low, high } = next?.errorDifference ?? { low: '', high: '' };
    // Newcombe's interval of 20/30 against 3/300.
    expect(Number(low)).toBeGreaterThan(45);
    expect(Number(high)).toBeLessThan(82);
  });

  it('goes on from the step in the status after a restart, with its time', () => {
    const first = topic();
    const a = audience('a');
    first.hint(a);
    first.pass(MINUTE);
    first.made.accept(a, report(10, fine()), 0);
    const stored = first.made.statusOf(ROUTE);
    const { made, hint, pass, wall } = topic(stored);
    pass(first.wall() - wall() + MINUTE / 2);
    expect(hint(a)).toMatchObject({ percent: 50, phase: 'Progressing' });
    made.accept(a, report(50, fine()), 0);
    expect(hint(a)).toMatchObject({ percent: 50 });
    pass(MINUTE / 2);
    made.accept(a, report(50, { next: totals(1, 0) }), 0);
    expect(hint(a)).toMatchObject({ percent: 100 });

    const back = topic([{ ...(stored?.[0] as StoredExperiment), phase: 'RolledBack', percent: 0 }]);
    expect(back.hint(a)).toMatchObject({ percent: 0, phase: 'RolledBack' });
    // Another name is another experiment.
    const renamed = audience('a', experiment({ name: 'second' }));
    expect(back.hint(renamed)).toMatchObject({ key: 'shop/assistant second', percent: 10 });
  });

  it('counts for its own term alone, and what pods report that know of none', () => {
    const { made, hint } = topic(undefined, 7);
    const a = audience('a');
    expect(hint(a)).toMatchObject({ term: 7 });
    const of = (term?: unknown) => ({
      experiments: [
        { key: KEY, percent: 10, arms: { next: totals(5, 0) }, ...(term !== undefined && { term }) },
      ],
    });
    for (const term of [0, 6, 8]) expect(made.accept(a, of(term), 0)).toBe(true);
    expect(made.statusOf(ROUTE)?.[0]?.arms).toEqual([]);
    made.accept(a, of(7), 0);
    made.accept(a, of(), 0);
    expect(made.statusOf(ROUTE)?.[0]?.arms[0]).toMatchObject({ requests: 10 });
    for (const term of [-1, 1.5, '7']) expect(made.accept(a, of(term), 0)).toBe(false);
  });

  it('holds the last step against the step before it, after a takeover too', () => {
    const first = topic();
    const a = audience('a');
    for (const percent of [10, 50]) {
      first.hint(a);
      first.pass(MINUTE);
      first.made.accept(a, report(percent, fine()), 0);
    }
    expect(first.hint(a)).toMatchObject({ percent: 100, phase: 'Progressing' });
    const { made, hint } = topic(first.made.statusOf(ROUTE), 7);
    expect(hint(a)).toMatchObject({ percent: 100, term: 7 });
    const again = [10, 50].flatMap((percent) => report(percent, fine()).experiments);
    const bad = report(100, { next: totals(100, 20) }).experiments;
    made.accept(a, { experiments: [...again, ...bad].map((entry) => ({ ...entry, term: 7 })) }, 0);
    expect(hint(a)).toMatchObject({ percent: 0, phase: 'RolledBack' });
    expect(made.statusOf(ROUTE)?.[0]?.message).toMatch(/^20\.0% of 100 requests failed, of the others 1\.0%/);
  });

  it("has no ear for routes and arms that are not the pod's, nor for nonsense", () => {
    const { made, hint } = topic();
    const other = audience('x', experiment(), 'elsewhere');
    made.accept(other, report(10, { next: totals(1000, 1000) }), 0);
    expect(hint(audience('a'))).toMatchObject({ percent: 10, phase: 'Progressing' });
    made.accept(audience('a'), report(10, { invented: totals(10, 0), _rest: totals(1, 0) }), 0);
    expect(made.statusOf(ROUTE)?.[0]?.arms.map(({ name }) => name)).toEqual(['_rest']);
    for (const nonsense of [
      null,
      {},
      { experiments: [{ key: KEY }, 3] },
      report(10, { next: { ...noTotals(), requests: 1, errors: 2 } }),
      report(10, { next: { ...noTotals(), latency: { '-1': 3 } } }),
      report(700, {}),
    ]) {
      expect(made.accept(audience('a'), nonsense, 0)).toBe(false);
    }
  });

  it('forgets arms that the experiment no longer has: a status has room for so many', () => {
    const { made } = topic();
    for (let generation = 1; generation <= 20; generation++) {
      const arms = [{ name: `v${generation}`, targets: ['new'], percent: 50 }];
      const { canary: _, ...body } = experiment({ arms });
      const { pod, snapshot } = audience('a', body);
      const items = snapshot.items.map((item) => ({ ...item, generation }));
      const named = { [`v${generation}`]: totals(5, 0), _rest: totals(5, 0) };
      made.accept({ pod, snapshot: { ...snapshot, items } }, { experiments: [{ key: KEY, arms: named }] }, 0);
    }
    const [status] = made.statusOf(ROUTE) ?? [];
    expect(status?.arms.map(({ name, requests }) => [name, requests])).toEqual([
      ['_rest', 100],
      ['v20', 5],
    ]);
  });

  it('shares budgets among the pods that were heard of lately', () => {
    const { made, hint } = topic();
    const three = ['a', 'b', 'c'].map((uid) => audience(uid));
    for (const who of three) hint(who, 0);
    expect(hint(audience('a'), 0)).toMatchObject({ pods: 3 });
    made.forget('b');
    expect(hint(audience('a'), 1000)).toMatchObject({ pods: 2 });
    expect(hint(audience('a'), 200_000)).toMatchObject({ pods: 1 });
  });

  it('keeps results of experiments without a canary, copies beside them', () => {
    const { made, hint } = topic();
    const body = experiment({
      arms: [
        { name: 'one', targets: ['old'], percent: 50 },
        { name: 'two', targets: ['new'], percent: 50 },
      ],
      mirror: [{ target: 'new', percent: 10, maxCostPerHour: '1' }],
    });
    delete body.canary;
    const a = audience('a', body);
    expect(hint(a)).toEqual({ key: KEY, pods: 1 });
    const arms = { one: totals(100, 2), two: totals(100, 4), 'mirror.new': totals(10, 10) };
    expect(made.accept(a, { experiments: [{ key: KEY, arms }] }, 0)).toBe(true);
    const [status] = made.statusOf(ROUTE) ?? [];
    expect(status?.phase).toBe('Running');
    expect(status?.arms.map(({ name, errorPercent }) => [name, errorPercent])).toEqual([
      ['mirror.new', '100.00'],
      ['one', '2.00'],
      ['two', '4.00'],
    ]);
    // What only copies met is no part of what an arm is held against.
    expect(Number(status?.arms[1]?.errorDifference?.low)).toBeGreaterThan(-10);
  });
});
