import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explain } from '../../../sidecar/routing/explain.ts';
import { AdaptiveMemory } from '../../../sidecar/routing/learning/adaptive-memory.ts';
import { contextOf } from '../../../sidecar/routing/learning/contexts.ts';
import { entriesOf } from '../../../sidecar/routing/learning/fleet.ts';
import { QualityMemory } from '../../../sidecar/routing/learning/quality.ts';
import { reward, sharesOf } from '../../../sidecar/routing/learning/shares.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import { HYBRID } from '../../../sidecar/routing/strategies/hybrid.ts';
import { median, References } from '../../../sidecar/routing/strategies/reference.ts';
import { readArms, writeArms } from '../../../sidecar/snapshot/fleet/learning.ts';
import type { StrategyBody } from '../../../sidecar/snapshot/shapes/strategy.ts';
import { candidates, context } from './strategy-conformance.ts';
import { facts, health, model, planned, provider, route, rule, table, target } from './support.ts';

const pico = (dollars: number): number => dollars * 1e6;
/** Dollars per million tokens, and a score. */
const serving = (name: string, price: number | undefined, score?: number) =>
  provider(name, {
    openModels: false,
    models: [
      model('m', {
        ...(price !== undefined && { prices: { input: pico(price), output: pico(price) } }),
        ...(score !== undefined && { quality: [{ task: 'default', score }] }),
      }),
    ],
  });
const names = ['a', 'b', 'c', 'd'] as const;
const ruleOf = (strategy: StrategyBody, count = 3) =>
  rule('r', { strategy, targets: names.slice(0, count).map((name) => target(name)) });

describe('Quality', () => {
  const body = ruleOf({ type: 'Quality' });

  it('puts the best score first, and what has none last', () => {
    const made = planned(body, [serving('a', 1), serving('b', 1, 60), serving('c', 1, 90)]);
    expect(made.order).toEqual(['c', 'b', 'a']);
  });

  it('goes by the score for the task, else by the default one', () => {
    const both = provider('a', {
      openModels: false,
      models: [
        model('m', {
          quality: [
            { task: 'default', score: 90 },
            { task: 'code', score: 10 },
          ],
        }),
      ],
    });
    const code = ruleOf({ type: 'Quality', quality: { task: 'code' } }, 2);
    expect(planned(code, [both, serving('b', 1, 50)]).order).toEqual(['b', 'a']);
    expect(planned(ruleOf({ type: 'Quality' }, 2), [both, serving('b', 1, 50)]).order).toEqual(['a', 'b']);
  });

  it('shares equal scores by weight', () => {
    const equal = [serving('a', 1, 80), serving('b', 1, 80), serving('c', 1, 10)];
    expect(planned(body, equal, { random: [0.6] }).order[0]).toBe('b');
    expect(planned(body, equal, { random: [0.1] }).order[0]).toBe('a');
  });

  describe('with feedback', () => {
    const providers = [serving('a', 1, 80), serving('b', 1, 75), serving('c', 1)];
    const all = planned(body, providers).candidates;
    const of = (name: string) => all.find(({ target: t }) => t.name === name) as Candidate;

    it('learns, but not from a few', () => {
      const state = routingState();
      for (let i = 0; i < 9; i++) state.quality.observe(of('b'), 'default', 1, undefined, 0);
      expect(planned(body, providers, { state }).order[0]).toBe('a');
      for (let i = 0; i < 9; i++) state.quality.observe(of('b'), 'default', 1, undefined, 0);
      expect(planned(body, providers, { state }).order[0]).toBe('b');
    });

    it('forgets with time', () => {
      const quality = new QualityMemory();
      for (let i = 0; i < 40; i++) quality.observe(of('a'), 'default', 0, undefined, 0);
      expect(quality.score(of('a'), 'default', 0)).toBeCloseTo((100 * 20 * 0.8) / 60);
      const day = 24 * 3_600_000;
      expect(quality.score(of('a'), 'default', day)).toBeCloseTo((100 * 20 * 0.8) / 40);
      expect(quality.score(of('a'), 'default', 3 * day)).toBe(80);
    });

    it('takes a later word instead of an earlier one', () => {
      const quality = new QualityMemory();
      for (let i = 0; i < 20; i++) quality.observe(of('c'), 'default', 1, undefined, 0);
      for (let i = 0; i < 20; i++) quality.observe(of('c'), 'default', 0, 1, 0);
      expect(quality.feedback(of('c'), 'default', 0)).toEqual({ n: 20, sum: 0 });
      expect(quality.score(of('c'), 'default', 0)).toBeCloseTo(100 / 22);
    });

    it('tells others once, and counts what they say, but its own share of it only once', () => {
      const quality = new QualityMemory();
      for (let i = 0; i < 20; i++) quality.observe(of('a'), 'default', 1, undefined, 0);
      const said = { provider: 'provider/ns/a', model: 'm', task: 'default' };
      expect(quality.take(10, 0)).toEqual([{ ...said, n: 20, sum: 20 }]);
      expect(quality.take(10, 0)).toEqual([]);
      quality.hear([{ ...said, n: 50, sum: 20 }], 0);
      expect(quality.feedback(of('a'), 'default', 0)).toEqual({ n: 50, sum: 20 });
      quality.hear([{ ...said, n: 1e9, sum: 0 }], 0);
      expect(quality.feedback(of('a'), 'default', 0)).toEqual({ n: 120, sum: 20 });
      quality.hear([], 0);
      expect(quality.feedback(of('a'), 'default', 0)).toEqual({ n: 20, sum: 20 });
    });

    it('keeps a bounded number of models', () => {
      const quality = new QualityMemory();
      for (let i = 0; i < 5000; i++)
        quality.observe({ ...of('a'), upstreamModel: `m${i}` }, 't', 1, undefined, 0);
      expect(quality.take(1e6, 0)).toHaveLength(4096);
    });
  });
});

describe('Hybrid', () => {
  const hybrid = (weights: NonNullable<StrategyBody['hybrid']>): StrategyBody => ({
    type: 'Hybrid',
    hybrid: weights,
  });

  it('weighs price against quality', () => {
    const providers = [serving('a', 10, 90), serving('b', 1, 60), serving('c', 2, 85)];
    expect(planned(ruleOf(hybrid({ cost: 1 })), providers).order).toEqual(['b', 'c', 'a']);
    expect(planned(ruleOf(hybrid({ quality: 1 })), providers).order).toEqual(['a', 'c', 'b']);
    expect(planned(ruleOf(hybrid({ cost: 1, quality: 3 })), providers).order).toEqual(['c', 'b', 'a']);
  });

  it('puts what has no price behind all that has one, and lets nothing unseen look slow', () => {
    const providers = [serving('a', undefined, 99), serving('b', 100, 1)];
    expect(planned(ruleOf(hybrid({ cost: 1, quality: 100, latency: 1 }), 2), providers).order).toEqual([
      'b',
      'a',
    ]);
  });

  it('never changes the order of the others for a target that is worse in everything', () => {
    const kind = fc.record({
      price: fc.integer({ min: 1, max: 1_000_000 }),
      score: fc.option(fc.integer({ min: 2, max: 100 }), { nil: undefined }),
      priced: fc.boolean(),
    });
    const weight = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(
        fc.array(kind, { minLength: 2, maxLength: 8 }),
        fc.record({ cost: weight, quality: weight, load: weight, latency: weight }),
        fc.nat(8),
        (kinds, weights, place) => {
          const bodyOf = ({ price, score, priced }: (typeof kinds)[number]) =>
            model('m', {
              ...(priced && { prices: { input: price, output: price } }),
              ...(score !== undefined && { quality: [{ task: 'default', score }] }),
            });
          const worst = model('m', {
            prices: { input: 2_000_000, output: 2_000_000 },
            quality: [{ task: 'default', score: 1 }],
          });
          const order = (models: ReturnType<typeof model>[]) => {
            const list = candidates(models.map(() => 1)).map((one, i) => ({
              ...one,
              model: models[i] as ReturnType<typeof model>,
            }));
            const shared = context({ rule: rule('r', { strategy: hybrid(weights) }), random: () => 0 });
            HYBRID.order(list, shared);
            return list.map((one) => models.indexOf(one.model));
          };
          const models = kinds.map(bodyOf);
          const at = Math.min(place, models.length);
          const withWorst = [...models.slice(0, at), worst, ...models.slice(at)];
          const before = order(models).map((i) => models[i]);
          const after = order(withWorst)
            .map((i) => withWorst[i])
            .filter((one) => one !== worst);
          // Those of exactly one score share by weight, which draws anew.
          fc.pre(new Set(models.map((one) => JSON.stringify(one))).size === models.length);
          fc.pre(Object.values(weights).some((each) => each > 0));
          const scored = scoresDiffer(models, weights);
          fc.pre(scored);
          expect(after).toEqual(before);
        },
      ),
    );
  });

  it('says of each how many times the median it is', () => {
    const providers = [serving('a', 10, 90), serving('b', 1, 60), serving('c', 2, 85)];
    const made = explain(
      table([route('r', ['*'], [ruleOf(hybrid({ cost: 1, quality: 2 }))])], providers),
      facts(),
      health(),
      0,
      () => 0,
      Buffer.from('{}'),
      routingState(),
    );
    expect(made.targets[1]?.detail).toMatch(
      /score 0\.003: cost 0\.50 \(weight 1\), quality 1\.42 \(weight 2\), as multiples of the median target$/,
    );
  });
});

/** No two of them have the same score. */
function scoresDiffer(models: ReturnType<typeof model>[], weights: Record<string, number>): boolean {
  const scores = models.map(({ prices, quality }) => {
    const cost = prices
      ? (weights['cost'] ?? 0) * Math.log(prices.input)
      : weights['cost']
        ? Number.POSITIVE_INFINITY
        : 0;
    return cost - (weights['quality'] ?? 0) * Math.log(quality?.[0]?.score ?? 50);
  });
  return scores.every((a, i) => scores.every((b, j) => i === j || Math.abs(a - b) > 1e-9));
}

describe('a reference', () => {
  it('is the median of what is known, and rolls', () => {
    expect(median([5, undefined, 1, 9])).toBe(5);
    expect(median([1, 2])).toBe(1.5);
    expect(median([undefined])).toBeUndefined();
    const references = new References();
    references.observe('k', 1);
    for (let i = 0; i < 100; i++) references.observe('k', Math.E);
    expect(references.of('k')).toBeGreaterThan(2.6);
    references.observe('k', Math.E ** 10);
    expect(references.of('k')).toBeLessThan(4.5);
    const frozen = references.toRead();
    frozen.observe('k', 1e9);
    expect(frozen.of('k')).toBe(references.of('k'));
  });
});

describe('Layered', () => {
  const layered = (...layers: NonNullable<StrategyBody['layers']>): StrategyBody => ({
    type: 'Layered',
    layers,
  });
  const providers = [serving('a', 1.05, 60), serving('b', 1, 50), serving('c', 2, 90), serving('d', 3, 95)];

  it('keeps what is near the best of each layer, and chooses by the next', () => {
    const body = ruleOf(
      layered({ type: 'Cost', withinPercent: 10 }, { type: 'Quality', withinPercent: 0 }),
      4,
    );
    const made = planned(body, providers);
    expect(made.order).toEqual(['a', 'b', 'c', 'd']);
    const wide = ruleOf(
      layered({ type: 'Cost', withinPercent: 100 }, { type: 'Quality', withinPercent: 0 }),
      4,
    );
    expect(planned(wide, providers).order).toEqual(['c', 'a', 'b', 'd']);
  });

  it('shares what is left over by weight', () => {
    const body = ruleOf(layered({ type: 'Cost', withinPercent: 10 }), 4);
    const first = (random: number) => planned(body, providers, { random: [random] }).order[0];
    expect(new Set([first(0), first(0.3), first(0.9)])).toEqual(new Set(['a', 'b']));
  });

  it('lets an unknown price through only where there is no other', () => {
    const body = ruleOf(layered({ type: 'Cost', withinPercent: 1000 }), 2);
    expect(planned(body, [serving('a', undefined), serving('b', 50)], { random: [0] }).order).toEqual([
      'b',
      'a',
    ]);
  });

  it('says at which layer each was left behind', () => {
    const body = ruleOf(
      layered({ type: 'Quality', withinPercent: 10 }, { type: 'Cost', withinPercent: 0 }),
      4,
    );
    const made = explain(
      table([route('r', ['*'], [body])], providers),
      facts(),
      health(),
      0,
      () => 0,
      Buffer.from('{}'),
      routingState(),
    );
    expect(made.targets.map(({ detail }) => detail.replace(/^[^;]*; /, ''))).toEqual([
      'Quality 60.0 is not within 10 % of 95.0',
      'Quality 50.0 is not within 10 % of 95.0',
      'Quality 90.0 is within 10 % of 95.0; Cost $0.000712 is within 0 % of $0.000712',
      'Quality 95.0 is within 10 % of 95.0; Cost $0.00107 is not within 0 % of $0.000712',
    ]);
  });
});

describe('Adaptive', () => {
  const settings = { cost: 20, latency: 20, minSharePercent: 2, memory: 100 };
  const body = ruleOf({ type: 'Adaptive', adaptive: settings });
  const providers = [serving('a', 1), serving('b', 1), serving('c', 1)];
  const key = 'ns/r r';
  const kind = contextOf(facts());

  function taught(state = routingState()) {
    for (let i = 0; i < 60; i++) {
      for (const [name, score] of [
        ['a', 0.2],
        ['b', 0.9],
        ['c', 0.5],
      ] as const) {
        state.adaptive.step(key, kind);
        state.adaptive.served(key, kind, name, settings.memory, { costMicroUsd: 100, latencyMs: 200 });
        state.adaptive.scored(key, kind, name, settings.memory, score, undefined);
      }
    }
    return state;
  }
  const numbers = (seed: number) => {
    let at = seed;
    return Array.from({ length: 4000 }, () => (at = (at * 16_807) % 2_147_483_647) / 2_147_483_647);
  };

  it('chooses what earned most, and says by which chance', () => {
    const state = taught();
    const made = planned(body, providers, { state, random: numbers(7) });
    expect(made.order[0]).toBe('b');
    expect(made.drawn?.target).toBe('b');
    expect(made.drawn?.propensity).toBeGreaterThan(0.8);
    expect(made.steps?.at(-1)).toMatchObject({ stage: 'plan', what: 'Adaptive' });
    expect(made.steps?.at(-1)?.detail).toMatch(
      /^b was drawn, as it is with a chance of 9\d\.\d % \(size 1 of 6, whole, text\)$/,
    );
  });

  it('chooses each target as often as it says, and never less than the floor', () => {
    const state = taught();
    const chance = numbers(3);
    const counts = { a: 0, b: 0, c: 0 };
    let said = { a: 0, b: 0, c: 0 };
    const shares = () => [...(state.adaptive.known(key, kind)?.shares.values() ?? [])][0]?.of;
    planned(body, providers, { state, random: chance });
    for (let i = 0; i < 3000; i++) {
      const made = planned(body, providers, { state, random: [chance[i] as number] });
      counts[made.order[0] as keyof typeof counts]++;
    }
    said = Object.fromEntries(shares() ?? []) as typeof said;
    expect(said.a + said.b + said.c).toBeCloseTo(1);
    for (const name of ['a', 'b', 'c'] as const) {
      expect(said[name]).toBeGreaterThanOrEqual(0.02);
      expect(Math.abs(counts[name] / 3000 - said[name])).toBeLessThan(0.03);
    }
  });

  it('is fair to targets that nothing is known of', () => {
    const made = planned(body, providers, { random: numbers(11) });
    for (const share of made.drawn ? [made.drawn.propensity] : [0]) expect(share).toBeGreaterThan(0.02);
  });

  it('leaves out what is known to be too poor, while anything else is there', () => {
    const state = taught();
    const floor = ruleOf({ type: 'Adaptive', adaptive: { ...settings, minQuality: 60 } });
    const poor = [serving('a', 1, 70), serving('b', 1, 10), serving('c', 1, 70)];
    for (let i = 0; i < 50; i++) {
      const made = planned(floor, poor, { state, random: numbers(i + 1) });
      expect(made.order[0]).not.toBe('b');
      expect(made.order).toHaveLength(3);
    }
    const allPoor = poor.map((one, i) => (i === 1 ? one : serving(one.name, 1, 10)));
    expect(planned(floor, allPoor, { state: taught(), random: numbers(5) }).order[0]).toBe('b');
  });

  it('draws among the targets of the present configuration', () => {
    const state = taught();
    planned(body, providers, { state, random: numbers(3) });
    const edited = { ...body, targets: ['d', 'b', 'c'].map((name) => target(name)) };
    const made = planned(edited, [...providers, serving('d', 1)], { state, random: [0.999, ...numbers(3)] });
    const shares = [...(state.adaptive.known(key, kind)?.shares.values() ?? [])].at(-1)?.of;
    expect([...(shares?.keys() ?? [])]).toEqual(['d', 'b', 'c']);
    expect(made.drawn?.propensity).toBe(shares?.get(made.drawn?.target ?? ''));
  });

  it('learns about each kind of request by itself', () => {
    const state = taught();
    const large = facts({ inputTokens: 100_000 });
    const made = planned(body, providers, { state, facts: large, random: numbers(1) });
    expect(state.adaptive.known(key, contextOf(large))?.count).toBe(0);
    expect(made.drawn?.context).not.toBe(kind);
  });

  it('changes nothing when it is only explained', () => {
    const state = taught();
    const before = JSON.stringify([...(state.adaptive.known(key, kind)?.arms.keys() ?? [])]);
    const made = explain(
      table([route('r', ['*'], [body])], providers),
      facts(),
      health(),
      0,
      () => 0.5,
      Buffer.from('{}'),
      state,
    );
    expect(state.adaptive.known(key, kind)?.shares.size).toBe(0);
    expect(JSON.stringify([...(state.adaptive.known(key, kind)?.arms.keys() ?? [])])).toBe(before);
    expect(made.targets[1]?.detail).toMatch(
      /earns 0\.\d\d, succeeds 99\.\d %, score 8\d, cost 1\.\d\d times the median, latency 1\.\d\d times the median$/,
    );
  });

  it('earns nothing by failing, less than by any answer', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.record({ cost: fc.constantFrom(0, 0.2, 1), latency: fc.constantFrom(0, 0.2, 1) }),
        (score, cost, latency, weights) => {
          const earned = reward(score, cost, latency, weights);
          expect(earned).toBeGreaterThanOrEqual(0);
          expect(earned).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('gives shares that add up, each at least the least', () => {
    const belief = fc.record({
      mean: fc.double({ min: 0, max: 1, noNaN: true }),
      variance: fc.constant(0.01),
    });
    const arm = fc.record({
      success: belief,
      score: belief,
      cost: fc.constant(undefined),
      latency: fc.constant(undefined),
    });
    fc.assert(
      fc.property(fc.array(arm, { minLength: 1, maxLength: 32 }), fc.nat(1000), (arms, seed) => {
        const chance = numbers(seed + 1);
        let at = 0;
        const shares = sharesOf(
          arms,
          { cost: 0.2, latency: 0.2 },
          0.05,
          () => chance[at++ % chance.length] as number,
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
        for (const share of shares)
          expect(share).toBeGreaterThanOrEqual(Math.min(0.05, 0.5 / arms.length) - 1e-12);
      }),
      { numRuns: 20 },
    );
  });
});

describe('what a pod has learned', () => {
  it('is told once, in bounded pieces, and can be added up', () => {
    const memory = new AdaptiveMemory();
    for (const name of ['a', 'b', 'c'])
      memory.served('ns/r r', 1, name, 100, { costMicroUsd: 7, latencyMs: 9 });
    const told = [memory.take(2), memory.take(2), memory.take(2)];
    expect(told.map((each) => each.get('ns/r r')?.get(1)?.size ?? 0)).toEqual([2, 1, 0]);
    const other = new AdaptiveMemory();
    for (const each of told.slice(0, 1)) other.hear(each);
    expect(other.sums('ns/r r', 1, 'a', 100)[4]).toBe(1);
    expect(other.sums('ns/r r', 1, 'c', 100)[4]).toBe(0);
  });

  it('is told by turns, where some is learned anew all the time', () => {
    const memory = new AdaptiveMemory();
    const told = new Set<string>();
    for (let i = 0; i < 2; i++) {
      for (const name of ['a', 'b', 'c'])
        memory.served('ns/r r', 1, name, 100, { costMicroUsd: 7, latencyMs: 9 });
      for (const name of memory.take(2).get('ns/r r')?.get(1)?.keys() ?? []) told.add(name);
    }
    expect([...told]).toEqual(['a', 'b', 'c']);
  });

  it('counts for a few tries elsewhere, however much it is', () => {
    const memory = new AdaptiveMemory();
    for (let i = 0; i < 1000; i++) memory.served('ns/r r', 1, 'a', 1e6, { costMicroUsd: 7, latencyMs: 9 });
    const other = new AdaptiveMemory();
    other.hear(memory.take(10));
    expect(other.sums('ns/r r', 1, 'a', 100)[0]).toBeCloseTo(10);
  });

  it('fades elsewhere where nobody renews it', () => {
    const memory = new AdaptiveMemory();
    for (let i = 0; i < 50; i++) memory.served('ns/r r', 1, 'a', 1e6, { costMicroUsd: 7, latencyMs: 9 });
    const other = new AdaptiveMemory();
    other.step('ns/r r', 1);
    const hints = memory.take(10);
    other.hear(hints);
    expect(other.sums('ns/r r', 1, 'a', 100)[0]).toBeCloseTo(10);
    for (let i = 0; i < 500; i++) other.step('ns/r r', 1);
    expect(other.sums('ns/r r', 1, 'a', 100)[0]).toBeLessThan(0.1);
    other.hear(hints);
    expect(other.sums('ns/r r', 1, 'a', 100)[0]).toBeCloseTo(10);
  });

  it('goes over the wire and back, and nothing else does', () => {
    const memory = new AdaptiveMemory();
    memory.served('ns/r r', 1, 'a', 100, { costMicroUsd: 1 / 3, latencyMs: undefined });
    memory.scored('ns/r r', 1, 'a', 100, 0.5, undefined);
    const wire: unknown = JSON.parse(JSON.stringify(writeArms(entriesOf(memory.take(10)))));
    const [entry] = readArms(wire) ?? [];
    expect(entry).toMatchObject({ rule: 'ns/r r', context: 1, target: 'a' });
    expect(entry?.sums[5]).toBeCloseTo(1 / 3, 3);
    const sums = (...values: unknown[]) => [
      ['ns/r r', 1, 'a', [...values, ...Array<number>(10).fill(0)].slice(0, 10)],
    ];
    expect(readArms(sums(1, 0, 1, 1))).toHaveLength(1);
    for (const bad of [
      undefined,
      {},
      [1],
      [['ns/r r', 1, 'a']],
      [['ns/r r', -1, 'a', Array(10).fill(0)]],
      [['', 1, 'a', Array(10).fill(0)]],
      [['ns/r r', 1, 'a', [1]]],
      sums(-1),
      sums(Number.NaN),
      sums('1'),
      sums(0, 0, 1, 2),
      Array(1000).fill(sums(1)[0]),
    ]) {
      expect(readArms(bad)).toBeUndefined();
    }
  });
});
