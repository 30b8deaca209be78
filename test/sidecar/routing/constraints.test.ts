import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requirePermitted } from '../../../sidecar/routing/constraints/data-policy.ts';
import { refusal } from '../../../sidecar/routing/refusal.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import type { ModelBody, ProviderBody, RuleBody } from '../../../sidecar/snapshot/schema.ts';
import type { ConstraintsBody, DataPolicyBody } from '../../../sidecar/snapshot/shapes/constraints.ts';
import { facts, health, model, planned, provider, route, rule, table, target } from './support.ts';

const serving = (name: string, over: Partial<ProviderBody> = {}, facts: Partial<ModelBody> = {}) =>
  provider(name, { openModels: false, models: [model('m', facts)], ...over });
const pair = (constraints: ConstraintsBody | undefined, over: Partial<RuleBody> = {}) =>
  rule('r', { targets: [target('a'), target('b')], ...(constraints && { constraints }), ...over });
const priced = (name: string, input: number, output: number) =>
  serving(name, {}, { prices: { input: input * 1e6, output: output * 1e6 } });
const saying = (name: string, dataPolicy: DataPolicyBody) => serving(name, { dataPolicy });
const detailOf = (made: ReturnType<typeof planned>, name: string) =>
  made.considered.find((each) => each.target === name)?.detail;

describe('a data policy keeps out', () => {
  const european: DataPolicyBody = {
    residency: ['EU'],
    retentionDays: 0,
    training: 'Never',
    classifications: ['internal'],
  };
  const b = saying('b', european);

  it.each<[string, ConstraintsBody, Partial<ProviderBody>, string]>([
    [
      'who says no residency',
      { dataPolicy: { residency: ['EU'] } },
      {},
      'provider a says no residency; the rule allows EU',
    ],
    [
      'who also keeps data elsewhere',
      { dataPolicy: { residency: ['EU', 'CH'] } },
      { dataPolicy: { residency: ['EU', 'US'] } },
      'provider a keeps data in US; the rule allows EU, CH',
    ],
    [
      'who keeps data at all',
      { dataPolicy: { retentionDays: 0 } },
      { dataPolicy: { retentionDays: 30 } },
      'provider a keeps data 30 days; the rule allows no retention',
    ],
    [
      'who does not say how long',
      { dataPolicy: { retentionDays: 7 } },
      { dataPolicy: {} },
      'provider a says no retention; the rule allows 7 days',
    ],
    [
      'who trains',
      { dataPolicy: { training: 'Never' } },
      { dataPolicy: { training: 'Allowed' } },
      'provider a trains on data, which the rule forbids',
    ],
    [
      'who does not say that it does not',
      { dataPolicy: { training: 'Never' } },
      {},
      'provider a does not say that it never trains on data, which the rule demands',
    ],
  ])('%s', (_, constraints, says, detail) => {
    const made = planned(pair(constraints), [serving('a', says), b]);
    expect(made.reasons).toEqual({ a: 'DataPolicyUnmet', b: 'Selected' });
    expect(detailOf(made, 'a')).toBe(detail);
  });

  it('who is in another region, or says none', () => {
    const constraints = { regions: ['eu-central-1'] };
    const here = serving('b', { region: 'eu-central-1' });
    for (const [says, detail] of [
      [{ region: 'us-east-1' }, 'provider a is in region us-east-1; the rule allows eu-central-1'],
      [{}, 'provider a says no region; the rule allows eu-central-1'],
    ] as const) {
      const made = planned(pair(constraints), [serving('a', says), here]);
      expect(made.reasons).toEqual({ a: 'RegionNotAllowed', b: 'Selected' });
      expect(detailOf(made, 'a')).toBe(detail);
    }
  });

  it('whoever does not list the classification of the request, whatever the rule says', () => {
    const request = facts({ classification: 'internal' });
    const made = planned(pair(undefined), [saying('a', { classifications: ['public'] }), b], {
      facts: request,
    });
    expect(made.reasons).toEqual({ a: 'ClassificationNotAllowed', b: 'Selected' });
    expect(detailOf(made, 'a')).toBe(
      'the request is classified internal, and provider a takes requests classified public',
    );
    expect(planned(pair(undefined), [serving('a'), b], { facts: request }).order).toEqual(['b']);
  });

  const everything: RuleBody['onNoTarget'][] = [undefined, 'Cheapest', 'LastResort'];
  it.each(everything)('and nothing gets around it: onNoTarget %s', (onNoTarget) => {
    const constraints: ConstraintsBody = { dataPolicy: { residency: ['EU'] }, maxInputPrice: 1 };
    const over = onNoTarget ? { onNoTarget } : {};
    for (const how of [
      {},
      { health: health({ ejected: { a: {}, b: {} } }) },
      { facts: facts({ pinned: true }) },
      { facts: facts({ inputTokens: 9e9, inputTokensLowerBound: 9e9 }) },
      { facts: facts({ dialect: 'openai-raw', unread: true, pinned: true }) },
    ]) {
      const made = planned(
        pair(constraints, over),
        [saying('a', { residency: ['US'] }), serving('b', {}, { contextWindow: 10 })],
        how,
      );
      expect(made.order).toEqual([]);
    }
  });
});

it('stands in front of every attempt too, whoever chose it', () => {
  const body = pair({ dataPolicy: { residency: ['EU'] } });
  const chosen = (dataPolicy: DataPolicyBody) => ({ provider: saying('a', dataPolicy), target: target('a') });
  expect(() => requirePermitted(chosen({ residency: ['US'] }), body, facts())).toThrow(
    'target a must not see this request: provider a keeps data in US; the rule allows EU',
  );
  expect(() => requirePermitted(chosen({ residency: ['EU'] }), body, facts())).not.toThrow();
  expect(() =>
    requirePermitted(chosen({ residency: ['EU'] }), body, facts({ classification: 'internal' })),
  ).toThrow('the request is classified internal');
});

describe('a ceiling keeps out', () => {
  it('models whose list price is above it, or unknown', () => {
    const made = planned(pair({ maxOutputPrice: 15e6 }), [priced('a', 1, 15.5), priced('b', 40, 15)]);
    expect(made.reasons).toEqual({ a: 'PriceAboveCeiling', b: 'Selected' });
    expect(detailOf(made, 'a')).toBe('m costs $15.5 per million output tokens; the rule allows $15');
    const unknown = planned(pair({ maxInputPrice: 1 }), [serving('a'), priced('b', 0, 0)]);
    expect(unknown.reasons).toEqual({ a: 'PriceAboveCeiling', b: 'Selected' });
  });

  it('targets at which the request is expected to cost more', () => {
    const request = facts({ inputTokens: 10_000, maxOutputTokens: 1 });
    const providers = [priced('a', 3, 0), priced('b', 2.9, 0)];
    const made = planned(pair({ maxCostMicroUsd: 29_500 }), providers, { facts: request });
    expect(made.reasons).toEqual({ a: 'CostAboveCeiling', b: 'Selected' });
    expect(detailOf(made, 'a')).toBe('the request is expected to cost $0.03 there; the rule allows $0.0295');
  });

  it('models whose score for the task is lower, or unknown', () => {
    const scored = (name: string, score: number) =>
      serving(
        name,
        {},
        {
          quality: [
            { task: 'code', score },
            { task: 'default', score: 100 },
          ],
        },
      );
    const strategy = { type: 'Quality', quality: { task: 'code' } } as const;
    const made = planned(pair({ minQuality: 70 }, { strategy }), [scored('a', 69), scored('b', 70)]);
    expect(made.reasons).toEqual({ a: 'QualityBelowFloor', b: 'Selected' });
    expect(detailOf(made, 'a')).toBe('m has a score of 69.0 for task code; the rule demands 70');
    expect(planned(pair({ minQuality: 1 }, { strategy }), [serving('a'), scored('b', 1)]).order).toEqual([
      'b',
    ]);
  });

  it('and feedback moves a score across it', () => {
    const state = routingState();
    const providers = [serving('a', {}, { quality: [{ task: 'default', score: 60 }] }), serving('b')];
    const [first] = planned(pair(undefined), providers).candidates;
    expect(planned(pair({ minQuality: 70 }), providers, { state }).order).toEqual([]);
    if (first) for (let i = 0; i < 30; i++) state.quality.observe(first, 'default', 1, undefined, 0);
    expect(planned(pair({ minQuality: 70 }), providers, { state }).order).toEqual(['a']);
  });

  it('nothing of an unread request, of which nothing is known', () => {
    const made = planned(pair({ maxInputPrice: 1 }), [serving('a'), serving('b')], {
      facts: facts({ dialect: 'openai-raw', unread: true, pinned: true }),
    });
    expect(made.order).toEqual(['a']);
  });
});

describe('where no target is left', () => {
  const three = [priced('a', 9, 0), priced('b', 5, 0), priced('c', 7, 0)];
  const dear = (over: Partial<RuleBody> = {}) =>
    rule('r', {
      targets: [target('a'), target('b', { priority: 1 }), target('c')],
      constraints: { maxInputPrice: 1 },
      strategy: { type: 'RoundRobin' },
      ...over,
    });

  it('the request is refused with the reason of each target', () => {
    const made = planned(dear(), three);
    expect(made.order).toEqual([]);
    const [one] = table([route('r', ['*'], [made.rule])]).routes;
    expect(one && refusal(one, made, facts())?.message).toBe(
      'rule r of route ns/r has no target that can serve this request: ' +
        'a: m costs $9 per million input tokens; the rule allows $0.000001; ' +
        'b: m costs $5 per million input tokens; the rule allows $0.000001; ' +
        'c: m costs $7 per million input tokens; the rule allows $0.000001',
    );
  });

  it('Cheapest asks the cheapest of those that fell by a ceiling, the ejected among them', () => {
    const ejected = { b: { until: 500 } };
    const made = planned(dear({ onNoTarget: 'Cheapest' }), three, { health: health({ ejected }) });
    expect(made.order).toEqual(['b', 'c', 'a']);
    expect(Object.values(made.reasons)).toEqual(['Relaxed', 'Relaxed', 'Relaxed']);
    expect(detailOf(made, 'b')).toContain(
      'asked all the same, expected to cost $0.0005, since no target is left (onNoTarget Cheapest)',
    );
  });

  it('LastResort asks them in the order of the rule, the healthy first', () => {
    const made = planned(dear({ onNoTarget: 'LastResort' }), three);
    expect(made.order).toEqual(['a', 'c', 'b']);
    const ill = planned(dear({ onNoTarget: 'LastResort' }), three, {
      health: health({ ejected: { a: { until: 500 } } }),
    });
    expect(ill.order).toEqual(['c', 'b', 'a']);
  });

  it('nothing is relaxed while one target keeps to everything', () => {
    const made = planned(dear({ onNoTarget: 'Cheapest' }), [...three.slice(0, 2), priced('c', 1e-6, 0)]);
    expect(made.reasons).toEqual({ a: 'PriceAboveCeiling', b: 'PriceAboveCeiling', c: 'Selected' });
  });

  it('health alone still refuses nothing', () => {
    const made = planned(
      pair({ minQuality: 50 }),
      [serving('a'), serving('b', {}, { quality: [{ task: 'default', score: 50 }] })],
      {
        health: health({ ejected: { b: {} } }),
      },
    );
    expect(made.reasons).toEqual({ a: 'QualityBelowFloor', b: 'LastResort' });
  });

  it('what can do less than the request needs is never asked', () => {
    const providers = [
      serving('a', {}, { capabilities: ['Chat'], prices: { input: 0, output: 0 } }),
      serving('b', {}, { contextWindow: 10, prices: { input: 5e6, output: 0 } }),
    ];
    const made = planned(pair({ maxInputPrice: 1 }, { onNoTarget: 'Cheapest' }), providers, {
      facts: facts({ tools: true }),
    });
    expect(made.order).toEqual([]);
    expect(made.reasons).toEqual({ a: 'CapabilityMissing', b: 'PriceAboveCeiling' });
  });
});

it('no plan ever holds a target that the data policy or the classification keeps out', () => {
  const places = fc.option(fc.subarray(['EU', 'US', 'CH'], { minLength: 1 }), { nil: undefined });
  const policy = fc.record({
    residency: places,
    retentionDays: fc.option(fc.constantFrom(0, 7, 30), { nil: undefined }),
    training: fc.constantFrom('Never' as const, 'Allowed' as const, undefined),
    classifications: fc.option(fc.subarray(['public', 'internal'], { minLength: 1 }), { nil: undefined }),
  });
  const strip = <T extends object>(value: T) =>
    Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
      [K in keyof T]?: Exclude<T[K], undefined>;
    };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(policy, fc.boolean(), fc.nat(3)), { minLength: 1, maxLength: 6 }),
      fc.record({
        residency: places,
        retentionDays: fc.option(fc.constantFrom(0, 7), { nil: undefined }),
      }),
      fc.constantFrom('public', 'internal', undefined),
      fc.constantFrom(...([undefined, 'Cheapest', 'LastResort'] as const)),
      fc.record({ pinned: fc.boolean(), unread: fc.boolean(), large: fc.boolean() }),
      (providers, demand, classification, onNoTarget, { pinned, unread, large }) => {
        const bodies = providers.map(([dataPolicy], i) =>
          serving(`p${i}`, { dataPolicy: strip(dataPolicy) as DataPolicyBody }, { contextWindow: 1000 }),
        );
        const body = rule('r', {
          targets: providers.map(([, , priority], i) => target(`p${i}`, { priority })),
          constraints: {
            dataPolicy: strip(demand) as DataPolicyBody & { training?: 'Never' },
            maxInputPrice: 1,
          },
          ...(onNoTarget && { onNoTarget }),
        });
        const ejected = Object.fromEntries(providers.flatMap(([, ill], i) => (ill ? [[`p${i}`, {}]] : [])));
        const made = planned(body, bodies, {
          facts: facts({
            classification,
            pinned,
            unread,
            ...(large && { inputTokens: 5000, inputTokensLowerBound: 5000 }),
          }),
          health: health({ ejected }),
        });
        for (const { provider: chosen } of made.candidates) {
          const says = chosen.dataPolicy ?? {};
          const { residency, retentionDays } = demand;
          const labelled = classification === undefined || says.classifications?.includes(classification);
          const resident = !residency || says.residency?.every((place) => residency.includes(place));
          const kept = retentionDays === undefined || (says.retentionDays ?? 1e9) <= retentionDays;
          expect({ labelled, resident, kept }).toEqual({ labelled: true, resident: true, kept: true });
        }
      },
    ),
  );
});
