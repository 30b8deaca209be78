import { describe, expect, it } from 'vitest';
import {
  type ArmTotals,
  noTotals,
  observe,
  observeLatency,
} from '../../../../sidecar/snapshot/experiments/arm-totals.ts';
import {
  begin,
  type CanaryState,
  decide,
  percentOf,
} from '../../../../sidecar/snapshot/experiments/canary.ts';
import type { CanaryBody } from '../../../../sidecar/snapshot/shapes/experiment.ts';
import { lognormal, seeded } from '../../../simulator/chance.ts';

const MINUTE = 60_000;

const canary = (over: Partial<CanaryBody> = {}): CanaryBody => ({
  arm: 'new',
  steps: [1, 5, 25, 50, 100],
  intervalMs: 10 * MINUTE,
  minRequests: 100,
  bounds: { errorPercent: 5, latencyPercent: 150 },
  ...over,
});

/** How an arm behaves. */
interface Arm {
  errors: number;
  medianMs: number;
  cost: number;
  score: number;
}

const FINE: Arm = { errors: 0.02, medianMs: 300, cost: 1e6, score: 0.7 };

function serve(totals: ArmTotals, arm: Arm, requests: number, random: () => number): void {
  for (let i = 0; i < requests; i++) {
    totals.requests++;
    if (random() < arm.errors) {
      totals.errors++;
      continue;
    }
    observeLatency(totals, lognormal(random, arm.medianMs, 0.6));
    observe(totals.cost, lognormal(random, arm.cost, 0.8));
    if (random() < 0.1) observe(totals.feedback, random() < arm.score ? 1 : 0);
  }
}

/** A canary over virtual minutes at so many requests a minute; ends when it is decided. */
function simulate(
  config: CanaryBody,
  {
    next = FINE,
    old = FINE,
    perMinute = 300,
    seed = 1,
    minutes = 2000,
  }: {
    next?: Arm;
    old?: Arm;
    perMinute?: number;
    seed?: number;
    minutes?: number;
  } = {},
): { state: CanaryState; minutes: number; served: number } {
  const random = seeded(seed);
  let state = begin(0, 'begun');
  let evidence = { canary: noTotals(), others: noTotals() };
  let served = 0;
  for (let minute = 1; minute <= minutes; minute++) {
    const share = percentOf(config, state) / 100;
    let own = 0;
    for (let i = 0; i < perMinute; i++) if (random() < share) own++;
    serve(evidence.canary, next, own, random);
    serve(evidence.others, old, perMinute - own, random);
    served += own;
    const after = decide(config, state, evidence, minute * MINUTE);
    if (after.step !== state.step) evidence = { canary: noTotals(), others: noTotals() };
    state = after;
    if (state.phase !== 'Progressing') return { state, minutes: minute, served };
  }
  return { state, minutes, served };
}

describe('a canary', () => {
  it('goes through its steps, no faster than its interval and its requests allow', () => {
    const config = canary();
    const quick = simulate(config, { perMinute: 2000 });
    expect(quick.state.phase).toBe('Complete');
    expect(quick.minutes).toBe(50);
    // One in a hundred of 60 a minute: the first step alone takes 100 requests.
    const slow = simulate(config, { perMinute: 60 });
    expect(slow.state.phase).toBe('Complete');
    expect(slow.minutes).toBeGreaterThan(150);
  });

  it('stays at a step while nothing is served there', () => {
    const state = begin(0, 'begun');
    const evidence = { canary: noTotals(), others: noTotals() };
    expect(decide(canary(), state, evidence, 1e9)).toBe(state);
  });

  it('goes back at once where it only fails, before the interval is over', () => {
    const { state, minutes, served } = simulate(canary(), { next: { ...FINE, errors: 1 } });
    expect(state.phase).toBe('RolledBack');
    expect(percentOf(canary(), state)).toBe(0);
    expect(served).toBeLessThan(30);
    expect(minutes).toBeLessThan(10);
    expect(state.reason).toMatch(
      /^100\.0% of \d+ requests failed, of the others \d\.\d%; 5 more in a hundred are allowed$/,
    );
  });

  it.each<[string, Arm, CanaryBody['bounds'], RegExp]>([
    ['errors', { ...FINE, errors: 0.2 }, { errorPercent: 5 }, /requests failed/],
    [
      'latency',
      { ...FINE, medianMs: 700 },
      { latencyPercent: 150 },
      /p95 of the time to the first content is \d+ ms/,
    ],
    ['cost', { ...FINE, cost: 2e6 }, { costPercent: 130 }, /a request costs 0\.00/],
    ['feedback', { ...FINE, score: 0.3 }, { feedbackDrop: 10 }, /the mean score is 0\.\d+/],
  ])('goes back for its %s, in every one of 20 runs', (_, next, bounds, reason) => {
    const config = canary({ bounds });
    for (let seed = 1; seed <= 20; seed++) {
      const { state } = simulate(config, { next, seed, minutes: 400 });
      expect(state.phase).toBe('RolledBack');
      expect(state.reason).toMatch(reason);
    }
  });

  it('hardly ever goes back where it is just as good, whatever the traffic', () => {
    let back = 0;
    let done = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const { state } = simulate(canary(), {
        seed,
        perMinute: [40, 120, 400][seed % 3] ?? 40,
        minutes: 1500,
      });
      if (state.phase === 'RolledBack') back++;
      if (state.phase === 'Complete') done++;
    }
    expect(back).toBe(0);
    expect(done).toBeGreaterThan(54);
  });

  it('hardly ever does with bounds that allow nothing, four of them looked at over and over', () => {
    const bounds = { errorPercent: 0, latencyPercent: 100, costPercent: 100, feedbackDrop: 0 };
    let back = 0;
    for (let seed = 1; seed <= 60; seed++) {
      if (simulate(canary({ bounds }), { seed, minutes: 250, perMinute: 120 }).state.phase === 'RolledBack')
        back++;
    }
    expect(back).toBeLessThanOrEqual(1);
  });

  it('is held where it looks worse and is not surely so', () => {
    const config = canary({ bounds: { errorPercent: 1 } });
    const evidence = {
      canary: { ...noTotals(), requests: 120, errors: 6 },
      others: { ...noTotals(), requests: 5000, errors: 100 },
    };
    const held = decide(config, begin(0, 'begun'), evidence, 10 * MINUTE);
    expect(held).toMatchObject({ phase: 'Progressing', step: 0 });
    expect(held.reason).toMatch(/^held, since it looks worse: 5\.0% of 120 requests failed/);
    evidence.canary.requests = 240;
    expect(decide(config, held, evidence, 20 * MINUTE)).toMatchObject({ phase: 'Progressing', step: 1 });
  });

  it('goes back at the last step too, where all that is left to hold it against is the step before', () => {
    const last: CanaryState = { ...begin(0, 'x'), step: 4 };
    const failing = { canary: { ...noTotals(), requests: 60, errors: 20 }, others: noTotals() };
    const before = { ...noTotals(), requests: 1000, errors: 20 };
    expect(decide(canary(), { ...last, before }, failing, MINUTE).phase).toBe('RolledBack');
    // An operator that has just begun knows nothing of the step before.
    expect(decide(canary(), last, failing, MINUTE).phase).toBe('Progressing');
    failing.canary.errors = 60;
    expect(decide(canary(), last, failing, MINUTE).phase).toBe('RolledBack');
  });

  it('is decided once: neither end is left again', () => {
    const config = canary();
    for (const phase of ['Complete', 'RolledBack'] as const) {
      const state: CanaryState = { ...begin(0, 'x'), phase, step: 4 };
      const worst = { canary: { ...noTotals(), requests: 1000, errors: 1000 }, others: noTotals() };
      expect(decide(config, state, worst, 1e9)).toBe(state);
    }
    expect(percentOf(config, { ...begin(0, 'x'), phase: 'Complete', step: 4 })).toBe(100);
  });
});
