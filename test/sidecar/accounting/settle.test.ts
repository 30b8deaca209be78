import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LearnedUsage } from '../../../sidecar/accounting/learned-usage.ts';
import { costNanoUsd } from '../../../sidecar/accounting/price.ts';
import type { ServiceTier } from '../../../sidecar/accounting/service-tier.ts';
import { type SettledAttempt, type SettleFacts, settle } from '../../../sidecar/accounting/settle.ts';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';
import { formatUsd } from '../../../sidecar/accounting/usd.ts';
import { readUsage } from '../../../sidecar/dialects/openai/usage.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import { TYPE_DEFAULTS } from '../../../sidecar/snapshot/provider-types.ts';
import type { FullPrices, PriceTable } from '../../../sidecar/snapshot/schema.ts';

const PRICES: PriceTable = { input: 250_000, cacheRead: 25_000, output: 2_000_000 };

function attempt(change: Partial<SettledAttempt>, prices: PriceTable | null = PRICES): SettledAttempt {
  const model = { name: 'm', upstreamName: 'm', ...(prices ? { prices } : {}) };
  return {
    candidate: { model } as Candidate,
    failure: undefined,
    cancelled: false,
    noWork: false,
    finishReasons: [],
    rawUsage: undefined,
    ...change,
  };
}

const FACTS: SettleFacts = { metered: true, readUsage, estimatedInput: 100, estimatedOutput: 30 };
const usage = { prompt_tokens: 80, completion_tokens: 50, prompt_tokens_details: { cached_tokens: 20 } };

describe('settle', () => {
  it('takes the provider at its word when the answer came whole', () => {
    expect(settle(attempt({ rawUsage: usage }), FACTS)).toEqual({
      usage: { ...NO_USAGE, input: 60, cacheRead: 20, output: 50 },
      source: 'Provider',
      raw: usage,
      // 60 x 0.25 + 20 x 0.025 + 50 x 2.00 micro-USD
      costNanoUsd: 115_500n,
    });
  });

  it('assumes the reserve where the vendor bills on after a broken connection, and its word where that says more', () => {
    const facts = { ...FACTS, reservedOutput: 400 };
    const left = settle(attempt({ cancelled: true }), facts);
    expect(left).toMatchObject({ source: 'Estimated', usage: { input: 100, output: 400 } });
    const told = attempt({ cancelled: true, rawUsage: { prompt_tokens: 80, completion_tokens: 500 } });
    expect(settle(told, facts)).toMatchObject({ source: 'Estimated', usage: { input: 100, output: 500 } });
    expect(settle(attempt({ rawUsage: usage }), facts)).toMatchObject({ usage: { output: 50 } });
    expect(settle(attempt({ cancelled: true, noWork: true }), facts)).toMatchObject({ costNanoUsd: 0n });
  });

  it.each([
    ['a failed connection', { noWork: true, failure: 'Connect' as const }, PRICES],
    ['a refusal by status', { noWork: true, failure: 'RateLimited' as const }, PRICES],
    ['a refusal at an unknown price', { noWork: true, failure: 'Caller' as const }, null],
  ])('gives everything back on proof of no work: %s', (_, change, prices) => {
    expect(settle(attempt(change, prices), FACTS)).toEqual({
      usage: NO_USAGE,
      source: 'None',
      costNanoUsd: 0n,
    });
  });

  it('estimates what broke off, hidden reasoning included', () => {
    const settled = settle(attempt({ cancelled: true }), FACTS);
    expect(settled).toMatchObject({ source: 'Estimated', usage: { input: 100, output: 30 } });
    expect(settled.costNanoUsd).toBe(85_000n);
    expect(settle(attempt({ failure: 'StreamError' }), FACTS).source).toBe('Estimated');
    expect(settle(attempt({ failure: 'Timeout' }), FACTS).source).toBe('Estimated');
  });

  it('never estimates below what the provider had reported when it broke off', () => {
    const reported = { prompt_tokens: 150, completion_tokens: 10 };
    expect(settle(attempt({ cancelled: true, rawUsage: reported }), FACTS)).toMatchObject({
      source: 'Estimated',
      usage: { input: 150, output: 30 },
    });
    const more = {
      prompt_tokens: 5,
      completion_tokens: 99,
      completion_tokens_details: { reasoning_tokens: 90 },
    };
    expect(settle(attempt({ cancelled: true, rawUsage: more }), FACTS)).toMatchObject({
      source: 'Estimated',
      usage: { input: 100, output: 9, reasoning: 90 },
    });
  });

  it('believes usage that came with the last word, even if the caller left behind it', () => {
    expect(settle(attempt({ cancelled: true, rawUsage: usage, finishReasons: ['stop'] }), FACTS).source).toBe(
      'Provider',
    );
  });

  it('estimates an answer without usage', () => {
    expect(settle(attempt({ rawUsage: { odd: true } }), FACTS)).toMatchObject({ source: 'Estimated' });
  });

  it('leaves the cost out where the price is unknown; zero is a price', () => {
    expect(settle(attempt({ rawUsage: usage }, null), FACTS)).not.toHaveProperty('costNanoUsd');
    const free = { input: 0, output: 0 };
    expect(settle(attempt({ rawUsage: usage }, free), FACTS).costNanoUsd).toBe(0n);
  });

  it('does not guess at what is passed through unread', () => {
    const facts = { ...FACTS, metered: false };
    expect(settle(attempt({}), facts)).toEqual({ usage: NO_USAGE, source: 'Unknown' });
    expect(settle(attempt({ noWork: true }), facts).source).toBe('None');
  });

  it('charges nothing for what the vendor does for nothing, not even where it broke off', () => {
    const facts = { ...FACTS, free: true };
    const nothing = { usage: NO_USAGE, source: 'None', costNanoUsd: 0n };
    expect(settle(attempt({}), facts)).toEqual(nothing);
    expect(settle(attempt({ cancelled: true }), facts)).toEqual(nothing);
  });
});

describe('in a tier of service', () => {
  const discounts = TYPE_DEFAULTS.OpenAI.discounts ?? {};
  const priority = { input: 500_000, output: 4_000_000 };
  const full: FullPrices = {
    ...PRICES,
    services: {
      Priority: priority,
      Fast: { input: 1, output: 1, tiers: [{ aboveInputTokens: 79, input: 3_000_000, output: 9_000_000 }] },
      Batch: 'Unknown',
      Reserved: { input: 0, output: 0 },
    },
  };
  const cost = (
    serviceTier: ServiceTier | undefined,
    prices: FullPrices,
    facts: Partial<SettleFacts> = {},
    rawUsage: unknown = usage,
  ) => {
    const model = { name: 'm', upstreamName: 'm', fullPrices: prices };
    const served = { ...attempt({ rawUsage, serviceTier }), candidate: { model } as Candidate };
    return settle(served, { ...FACTS, discounts, ...facts }).costNanoUsd;
  };
  const uncached = { prompt_tokens: 80, completion_tokens: 50 };

  it.each<[string, bigint | undefined, bigint | undefined]>([
    ['the standard one, said', cost('Standard', full), 115_500n],
    ['none said', cost(undefined, full), 115_500n],
    // 80 x 0.5 + 50 x 4 micro-USD: nothing of the standard prices, those of the cache neither.
    ['one with prices', cost('Priority', full), 240_000n],
    ['one with prices that rise', cost('Fast', full), 690_000n],
    ['one with prices of nothing', cost('Reserved', full), 0n],
    ['one with a published share', cost('Flex', full), 57_750n],
    [
      'one whose share is the whole',
      cost('Flex', full, { discounts: TYPE_DEFAULTS.Groq.discounts ?? {} }),
      115_500n,
    ],
    ['one with prices that are not known, whatever is published', cost('Batch', full), undefined],
    ['one with neither', cost('Flex', full, { discounts: {} }), undefined],
    ['one with neither, of a vendor without any', cost('Priority', PRICES), undefined],
    ['one nobody knows', cost('Other', full), undefined],
    [
      'one whose share is not published for the cache',
      cost('Flex', full, { discounts: TYPE_DEFAULTS.Gemini.discounts ?? {} }),
      undefined,
    ],
    [
      'the same without the cache',
      cost('Flex', full, { discounts: TYPE_DEFAULTS.Gemini.discounts ?? {} }, uncached),
      60_000n,
    ],
  ])('%s', (_, is, expected) => {
    expect(is).toBe(expected);
  });

  it.each<[string, ServiceTier, FullPrices, bigint]>([
    ['the dearer tier that was asked for', 'Priority', full, 240_000n],
    ['the standard one, to which a cheaper one may have fallen back', 'Flex', full, 115_500n],
    ['the standard one, where no other has a price', 'Priority', PRICES, 115_500n],
    ['the standard one, where the price of the other is not known', 'Batch', full, 115_500n],
  ])('untold, costs by estimate %s', (_, askedTier, fullPrices, expected) => {
    const model = { name: 'm', upstreamName: 'm', fullPrices };
    const served = { ...attempt({ rawUsage: usage, askedTier }), candidate: { model } as Candidate };
    const { source, costNanoUsd } = settle(served, { ...FACTS, discounts });
    expect([source, costNanoUsd]).toEqual(['Estimated', expected]);
    const told = settle({ ...served, serviceTier: 'Standard' }, { ...FACTS, discounts });
    expect([told.source, told.costNanoUsd]).toEqual(['Provider', 115_500n]);
  });

  it('has half of an odd price exactly, and rounds the sum once', () => {
    const odd = { input: 1001, output: 1 };
    const half = (prompt_tokens: number) => cost('Flex', odd, {}, { prompt_tokens, completion_tokens: 0 });
    expect([1, 2, 3, 1000].map(half)).toEqual([1n, 1n, 2n, 501n]);
    fc.assert(
      fc.property(fc.nat(10 ** 7), fc.nat(10 ** 9), fc.nat(10 ** 9), (prompt_tokens, input, output) => {
        const raw = { prompt_tokens, completion_tokens: 7 };
        const doubled = BigInt(prompt_tokens) * BigInt(input) + 7n * BigInt(output);
        expect(cost('Flex', { input, output }, {}, raw)).toBe((doubled + 1000n) / 2000n);
      }),
    );
  });

  it('costs nothing all the same where no work was done', () => {
    const served = attempt({ noWork: true, serviceTier: 'Other' });
    expect(settle(served, FACTS).costNanoUsd).toBe(0n);
  });
});

describe('costNanoUsd', () => {
  it('bills units without a price as what they are a part of', () => {
    const all = { input: 1, cacheRead: 1, audioInput: 1, output: 1, reasoning: 1, audioOutput: 1 };
    expect(costNanoUsd(all, { input: 1000, output: 10_000 })).toBe(33n);
    expect(
      costNanoUsd(all, {
        input: 1000,
        cacheRead: 2000,
        audioInput: 3000,
        output: 4000,
        reasoning: 5000,
        audioOutput: 6000,
        request: 7000,
      }),
    ).toBe(28n);
  });

  it.each([
    [499, 0n],
    [500, 1n],
    [1499, 1n],
    [1500, 2n],
  ])('rounds %i pico-USD half up to %s', (pico, expected) => {
    expect(costNanoUsd({ ...NO_USAGE, input: 1 }, { input: pico, output: 0 })).toBe(expected);
  });

  it('rounds once, not per part', () => {
    const usage = { ...NO_USAGE, input: 1, output: 1 };
    expect(costNanoUsd(usage, { input: 400, output: 400 })).toBe(1n);
  });

  it('stays exact beyond what floating point holds', () => {
    const usage = { ...NO_USAGE, input: 900_000_001 };
    expect(costNanoUsd(usage, { input: 75_000_001, output: 0 })).toBe(
      (900_000_001n * 75_000_001n + 500n) / 1000n,
    );
  });

  it('is the exact sum rounded once, below and above what a number holds', () => {
    const price = fc.nat(10 ** 9);
    const tokens = fc.oneof(fc.nat(5000), fc.nat(2 ** 31 - 1));
    fc.assert(
      fc.property(
        tokens,
        tokens,
        tokens,
        tokens,
        price,
        price,
        price,
        (input, cached, output, thought, i, c, o) => {
          const sum =
            BigInt(input) * BigInt(i) +
            BigInt(cached) * BigInt(c) +
            (BigInt(output) + BigInt(thought)) * BigInt(o) +
            7n;
          const used = { ...NO_USAGE, input, cacheRead: cached, output, reasoning: thought };
          expect(costNanoUsd(used, { input: i, cacheRead: c, output: o, request: 7 })).toBe(
            (sum + 500n) / 1000n,
          );
        },
      ),
    );
    for (const pico of [2 ** 53 - 1002, 2 ** 53 - 1000, 2 ** 53 - 1]) {
      const used = { ...NO_USAGE, input: 1 };
      expect(costNanoUsd(used, { input: pico, output: 0 })).toBe((BigInt(pico) + 500n) / 1000n);
    }
  });
});

describe('formatUsd', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [115_500n, '0.0001155'],
    [1_000_000_000n, '1'],
    [12_345_678_900n, '12.3456789'],
    [-5n, '-0.000000005'],
  ])('%s nano is %s', (nano, text) => {
    expect(formatUsd(nano)).toBe(text);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.bigInt(0n, 10n ** 9n)), (nano) => {
        const [whole = '', fraction = ''] = formatUsd(nano).split('.');
        expect(BigInt(whole + fraction.padEnd(9, '0'))).toBe(nano);
      }),
    );
  });
});

describe('LearnedUsage', () => {
  it('starts from the fixed ratio and learns what a model hides', () => {
    const learned = new LearnedUsage();
    expect(learned.outputTokens('p m', 1000)).toBe(235);
    for (let i = 0; i < 50; i++) {
      learned.observe('p m', 100, 400, { ...NO_USAGE, input: 150, output: 100, reasoning: 900 });
    }
    expect(learned.outputTokens('p m', 400)).toBeGreaterThan(900);
    expect(learned.inputTokens('p m', 100)).toBeGreaterThan(140);
    expect(learned.outputTokens('p other', 400)).toBe(94);
    expect(learned.inputTokens('p other', 100)).toBe(100);
  });

  it('is not misled by nonsense, and is bounded', () => {
    const learned = new LearnedUsage();
    learned.observe('p m', 100, 100, { ...NO_USAGE, output: 1_000_000_000 });
    expect(learned.outputTokens('p m', 10)).toBe(1000);
    for (let i = 0; i < 600; i++) learned.observe(`p ${i}`, 100, 1000, { ...NO_USAGE, output: 1000 });
    expect(learned.outputTokens('p m', 1000)).toBe(235);
    expect(learned.outputTokens('p 599', 1000)).toBe(1000);
  });
});

describe('the reserve of a model', () => {
  it('comes to stand above nearly all of its answers, and follows them', () => {
    const learned = new LearnedUsage();
    expect(learned.outputReserve('m')).toBe(1024);
    const share = (of: (i: number) => number): number => {
      for (let i = 0; i < 4000; i++) learned.observe('m', 100, 400, { ...NO_USAGE, output: of(i) });
      let above = 0;
      for (let i = 0; i < 1000; i++) {
        if (of(i) > learned.outputReserve('m')) above++;
        learned.observe('m', 100, 400, { ...NO_USAGE, output: of(i) });
      }
      return above / 1000;
    };
    // 7919 is prime, so these walk through all lengths in no order.
    const short = share((i) => (i * 7919) % 200);
    const long = share((i) => 2000 + ((i * 7919) % 2000));
    for (const above of [short, long]) {
      expect(above).toBeGreaterThan(0.01);
      expect(above).toBeLessThan(0.12);
    }
  });
});
