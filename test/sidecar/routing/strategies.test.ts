import { describe, expect, it } from 'vitest';
import { routingState } from '../../../sidecar/routing/state.ts';
import { ROUND_ROBIN, RoundRobinState } from '../../../sidecar/routing/strategies/round-robin.ts';
import { STRATEGIES } from '../../../sidecar/routing/strategies/strategies.ts';
import { WEIGHTED } from '../../../sidecar/routing/strategies/weighted.ts';
import { candidates, conforms, context, firsts } from './strategy-conformance.ts';
import { planned, provider, rule, target } from './support.ts';

describe.each(Object.entries(STRATEGIES))('%s', (type, strategy) => {
  it('is registered under its own name', () => expect(strategy.type).toBe(type));
  conforms(strategy);
});

describe('Weighted', () => {
  it('shares requests in proportion to weight', () => {
    const [a = 0, b = 0, c = 0] = firsts(WEIGHTED, [70, 20, 10], 10_000);
    expect(Math.abs(a - 7000)).toBeLessThan(150);
    expect(Math.abs(b - 2000)).toBeLessThan(150);
    expect(Math.abs(c - 1000)).toBeLessThan(150);
  });

  it('draws the order behind the first in proportion too', () => {
    const counts = [0, 0];
    const shared = context();
    for (let i = 0; i < 10_000; i++) {
      const list = candidates([1_000_000, 30, 10]);
      WEIGHTED.order(list, shared);
      const second = list[1]?.index ?? 0;
      if (list[0]?.index === 0) counts[second - 1] = (counts[second - 1] ?? 0) + 1;
    }
    const [heavy = 0, light = 0] = counts;
    expect(heavy / light).toBeGreaterThan(2.7);
    expect(heavy / light).toBeLessThan(3.3);
  });

  it.each([
    [0, 't0'],
    [0.699, 't0'],
    [0.701, 't1'],
    [0.899, 't1'],
    [0.901, 't2'],
    [0.999_999, 't2'],
  ])('takes %d to the target whose share it falls into', (value, first) => {
    const list = candidates([70, 20, 10]);
    WEIGHTED.order(list, context({ random: () => value }));
    expect(list[0]?.target.name).toBe(first);
  });
});

describe('RoundRobin', () => {
  const turns = (weights: number[], requests: number) => {
    const shared = context();
    return Array.from({ length: requests }, () => {
      const list = candidates(weights);
      ROUND_ROBIN.order(list, shared);
      return list[0]?.index;
    });
  };

  it('goes in turn, without chance', () => {
    expect(turns([1, 1, 1], 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it('gives unequal weights their share, spread evenly', () => {
    expect(turns([5, 1, 1], 7)).toEqual([0, 0, 1, 0, 2, 0, 0]);
    expect(firsts(ROUND_ROBIN, [5, 1, 1], 700)).toEqual([500, 100, 100]);
  });

  it('puts whose turn is next behind the first', () => {
    const list = candidates([1, 1, 1]);
    const shared = context();
    ROUND_ROBIN.order(list, shared);
    expect(list.map(({ index }) => index)).toEqual([0, 1, 2]);
    ROUND_ROBIN.order(list, shared);
    expect(list.map(({ index }) => index)).toEqual([1, 2, 0]);
  });

  it('passes the turn on while a target is away, and gives it no more than its share afterwards', () => {
    const shared = context();
    const first = (away: boolean) => {
      const list = candidates([1, 1]).filter(({ index }) => !away || index === 0);
      ROUND_ROBIN.order(list, shared);
      return list[0]?.index;
    };
    expect([first(false), first(true), first(true), first(true)]).toEqual([0, 0, 0, 0]);
    expect([first(false), first(false), first(false), first(false)]).toEqual([1, 0, 1, 0]);
  });

  it('takes turns per rule, and starts afresh when the weights change', () => {
    const state = routingState();
    const providers = [provider('a'), provider('b')];
    const of = (name: string, weight: number) =>
      planned(
        rule(name, { strategy: { type: 'RoundRobin' }, targets: [target('a', { weight }), target('b')] }),
        providers,
        { state },
      ).order[0];
    expect([of('r', 1), of('s', 1), of('r', 1), of('s', 1)]).toEqual(['a', 'a', 'b', 'b']);
    for (let i = 0; i < 10; i++) of('r', 1_000_000);
    expect([of('r', 1), of('r', 1)]).toEqual(['a', 'b']);
  });

  it('forgets rather than grows', () => {
    const state = new RoundRobinState();
    const [before] = [state.credits('k0')];
    for (let i = 1; i <= 5000; i++) state.credits(`k${i}`);
    expect(state.credits('k0')).not.toBe(before);
  });
});
