/** What every strategy owes the planner, whatever it optimises. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import type { Strategy, StrategyContext } from '../../../sidecar/routing/strategies/strategy.ts';
import { facts, provider, rule, target } from './support.ts';

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

export const context = (over: Partial<StrategyContext> = {}): StrategyContext => ({
  rule: rule('r'),
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

  it('has nothing to choose with one candidate', () => {
    const [only] = candidates([7]);
    const ordered = only ? [only] : [];
    strategy.order(ordered, context());
    expect(ordered).toEqual([only]);
  });
}
