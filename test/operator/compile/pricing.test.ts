import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  currentPricing,
  declaredPrices,
  type KnownPrices,
  pricingOf,
  wholeTable,
} from '../../../operator/compile/prices.ts';

const day = (text: string) => Date.parse(`${text}T12:00:00Z`);

describe('of dated prices', () => {
  const pricing = [
    { unit: 'InputToken' as const, perMillion: '3' },
    { unit: 'InputToken' as const, perMillion: '2', from: '2026-03-01', until: '2026-04-01' },
    { unit: 'InputToken' as const, perMillion: '1', from: '2026-03-15' },
    { unit: 'OutputToken' as const, perMillion: '9', until: '2026-03-01' },
  ];
  it.each([
    ['2026-02-28', '3', '9'],
    ['2026-03-01', '2', undefined],
    ['2026-03-14', '2', undefined],
    ['2026-03-15', '1', undefined],
    ['2026-04-01', '1', undefined],
  ])('those of %s hold on it', (date, input, output) => {
    const current = currentPricing(pricing, day(date));
    const of = (unit: string) => current.find((price) => price.unit === unit)?.perMillion;
    expect([of('InputToken'), of('OutputToken')]).toEqual([input, output]);
  });
});

describe('tiers', () => {
  it('keep the price below for units they do not name, tier upon tier', () => {
    const prices = declaredPrices([
      { unit: 'OutputToken', perMillion: '10' },
      { unit: 'InputToken', perMillion: '4', aboveInputTokens: 500_000 },
      { unit: 'InputToken', perMillion: '1' },
      { unit: 'CacheReadToken', perMillion: '0.2', aboveInputTokens: 200_000 },
      { unit: 'InputToken', perMillion: '2', aboveInputTokens: 200_000 },
    ]);
    expect(wholeTable(prices, false)).toEqual({
      input: 1_000_000,
      output: 10_000_000,
      tiers: [
        { aboveInputTokens: 200_000, input: 2_000_000, cacheRead: 200_000, output: 10_000_000 },
        { aboveInputTokens: 500_000, input: 4_000_000, cacheRead: 200_000, output: 10_000_000 },
      ],
    });
  });

  it('do not make up a base price', () => {
    const prices = declaredPrices([
      { unit: 'InputToken', perMillion: '2', aboveInputTokens: 200_000 },
      { unit: 'OutputToken', perMillion: '2' },
    ]);
    expect(wholeTable(prices, false)).toBeUndefined();
  });
});

it('says prices in the words of a resource and reads them back the same', () => {
  const price = fc.integer({ min: 0, max: 1_000_000_000 });
  const units = fc.record(
    { input: price, cacheWrite5m: price, output: price, imageOutput: price },
    { requiredKeys: ['input'] },
  );
  const inTier = fc
    .tuple(units, fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 3 }))
    .map(([base, bounds]) =>
      bounds.length === 0
        ? base
        : {
            ...base,
            tiers: bounds
              .sort((a, b) => a - b)
              .map((aboveInputTokens) => ({ aboveInputTokens, input: base.input * 2 })),
          },
    );
  const known: fc.Arbitrary<KnownPrices> = fc
    .tuple(inTier, fc.option(fc.record({ Fast: inTier, Flex: inTier }, { requiredKeys: ['Flex'] })))
    .map(([standard, services]) => (services ? { ...standard, services } : standard));
  fc.assert(
    fc.property(known, (prices) => {
      expect(declaredPrices(pricingOf(prices, () => true))).toEqual(prices);
    }),
  );
});
