/** What every strategy owes the planner, whatever it optimises. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';
import { OPENAI_CHAT } from '../../../sidecar/dialects/openai/dialects.ts';
import { newAttempt } from '../../../sidecar/dispatch/new-attempt.ts';
import type { Exchange } from '../../../sidecar/exchange.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import { routingState, withoutTurns } from '../../../sidecar/routing/state.ts';
import type { Strategy, StrategyContext } from '../../../sidecar/routing/strategies/strategy.ts';
import type { StrategyBody } from '../../../sidecar/snapshot/shapes/strategy.ts';
import { facts, model, provider, rule, target } from './support.ts';

export function candidates(weights: readonly number[]): Candidate[] {
  return weights.map((weight, index) => ({
    index,
    target: target(`t${index}`, { weight }),
    providerId: 'provider/ns/p',
    provider: provider('p'),
    credential: undefined,
    upstreamModel: 'm',
    model: undefined,
  }));
}

/** The same numbers each time: a small linear congruential generator. */
function numbers(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Each strategy reads its own. */
const EVERY_SETTING: StrategyBody = {
  type: 'Weighted',
  hybrid: { cost: 2, latency: 1, quality: 3, load: 1 },
  adaptive: { cost: 20, latency: 20, minQuality: 10, minSharePercent: 2, memory: 50 },
  layers: [
    { type: 'Cost', withinPercent: 10 },
    { type: 'Throughput', withinPercent: 50 },
    { type: 'LeastRequests', withinPercent: 100 },
    { type: 'Latency', withinPercent: 20 },
  ],
};

export const context = (over: Partial<StrategyContext> = {}): StrategyContext => ({
  rule: rule('r', { strategy: EVERY_SETTING }),
  facts: facts(),
  now: 0,
  random: numbers(),
  key: 'rule',
  state: routingState(),
  ...over,
});

/** How often each candidate came first in so many requests. */
export function firsts(strategy: Strategy, weights: readonly number[], requests: number): number[] {
  const shared = context();
  const counts = weights.map(() => 0);
  for (let i = 0; i < requests; i++) {
    const list = candidates(weights);
    strategy.order(list, shared);
    const first = list[0]?.index ?? 0;
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

/** One provider each, every other one with a price. */
function various(weights: readonly number[]): Candidate[] {
  return candidates(weights).map((candidate, i) => ({
    ...candidate,
    providerId: `provider/ns/p${i}`,
    model:
      i % 2 === 0 ? model('m', { prices: { input: 1000 * (i + 1), output: 9000 * (i + 1) } }) : undefined,
  }));
}

/** What happened before: which candidate was asked, how long it took, and how it ended. */
const history = fc.array(
  fc.record({
    at: fc.nat(31),
    ms: fc.integer({ min: 0, max: 120_000 }),
    output: fc.nat(100_000),
    end: fc.constantFrom('Whole', 'Cancelled', 'Timeout', 'ServerError', 'Waiting'),
  }),
  { maxLength: 40 },
);
type Past = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** Lets state see the past, one second apart. Gives the time after it. */
function live(past: Past, given: readonly Candidate[], { state, rule, facts }: StrategyContext): number {
  let now = 0;
  for (const { at, ms, output, end } of past) {
    const candidate = given[at % given.length] as Candidate;
    const attempt = newAttempt(candidate, 'First', now, undefined);
    const exchange = { facts, plan: { rule }, attempts: [attempt], startedAt: now, dialect: OPENAI_CHAT };
    const seen = exchange as unknown as Exchange;
    state.observed.started(attempt, seen);
    now += 1000;
    if (end === 'Waiting') continue;
    attempt.endedAt = attempt.startedAt + ms;
    if (end === 'Cancelled') attempt.cancelled = true;
    else if (end === 'Whole') attempt.committedAt = attempt.endedAt;
    else attempt.failure = end;
    const usage = { ...NO_USAGE, input: 100, output, reasoning: output };
    attempt.settlement = { usage, source: end === 'Whole' ? 'Provider' : 'Estimated' };
    state.observed.ended(attempt, seen);
    if (end === 'Whole') state.observed.committed(attempt, seen);
    state.observed.completed(seen);
  }
  return now;
}

const weights = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 32 });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

export function conforms(strategy: Strategy): void {
  it('loses, doubles and invents nothing', () => {
    fc.assert(
      fc.property(weights, fc.infiniteStream(chance), (list, stream) => {
        const given = candidates(list);
        const ordered = [...given];
        strategy.order(ordered, context({ random: () => stream.next().value as number }));
        expect(new Set(ordered)).toEqual(new Set(given));
        expect(ordered).toHaveLength(given.length);
      }),
    );
  });

  it('gives the same order for the same numbers and history', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 1000 }), fc.nat(20), (list, seed, rounds) => {
        const run = () => {
          const shared = context({ random: numbers(seed) });
          return Array.from({ length: rounds + 1 }, () => {
            const ordered = candidates(list);
            strategy.order(ordered, shared);
            return ordered.map(({ index }) => index);
          });
        };
        expect(run()).toEqual(run());
      }),
    );
  });

  it('changes neither the candidates nor their targets', () => {
    const given = candidates([5, 1, 3]);
    const before = structuredClone(given);
    strategy.order([...given], context());
    expect(given).toEqual(before);
  });

  it('works where candidates come and go between requests', () => {
    fc.assert(
      fc.property(weights, fc.array(fc.nat(31), { maxLength: 20 }), (list, missing) => {
        const shared = context();
        for (const gone of missing) {
          const left = candidates(list).filter(({ index }) => index !== gone);
          if (left.length === 0) continue;
          strategy.order(left, shared);
          expect(left.every((candidate) => candidate.index !== gone)).toBe(true);
        }
      }),
    );
  });

  it('orders whatever has happened before, and the same after the same', () => {
    fc.assert(
      fc.property(weights, history, fc.integer({ min: 1, max: 1000 }), (list, past, seed) => {
        const run = () => {
          const given = various(list);
          const shared = context({ random: numbers(seed) });
          // The kind of answers is learned from where ranking has asked for it.
          strategy.order([...given], shared);
          const now = live(past, given, shared);
          const ordered = [...given];
          strategy.order(ordered, { ...shared, now });
          expect(new Set(ordered)).toEqual(new Set(given));
          return ordered.map(({ index }) => index);
        };
        expect(run()).toEqual(run());
      }),
      { numRuns: 50 },
    );
  });

  it('says what it goes by, and changes nothing by that or by a look', () => {
    fc.assert(
      fc.property(weights, history, (list, past) => {
        const run = (looks: number) => {
          const given = various(list);
          const shared = context({ random: numbers() });
          strategy.order([...given], shared);
          const now = live(past, given, shared);
          for (let i = 0; i < looks; i++) {
            strategy.order([...given], {
              ...shared,
              now,
              random: numbers(7),
              state: withoutTurns(shared.state),
            });
            for (const candidate of given) {
              const said = strategy.describe?.(candidate, { ...shared, now }, given);
              expect(said ?? '').not.toMatch(/NaN|Infinity|undefined/);
            }
          }
          return Array.from({ length: 5 }, () => {
            const ordered = [...given];
            strategy.order(ordered, { ...shared, now });
            return ordered.map(({ index }) => index);
          });
        };
        expect(run(3)).toEqual(run(0));
      }),
      { numRuns: 30 },
    );
  });

  it('has nothing to choose with one candidate', () => {
    const [only] = candidates([7]);
    const ordered = only ? [only] : [];
    strategy.order(ordered, context());
    expect(ordered).toEqual([only]);
  });
}
