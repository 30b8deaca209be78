/** Prices of the catalogue as a sidecar bills by them: sums that other gateways got wrong. */
import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../../operator/compile/catalogue.ts';
import { wholeTable } from '../../../operator/compile/prices.ts';
import { costNanoUsd } from '../../../sidecar/accounting/price.ts';
import { NO_USAGE, type Usage } from '../../../sidecar/accounting/usage.ts';
import { formatUsd } from '../../../sidecar/accounting/usd.ts';
import { readUsage as readAnthropicUsage } from '../../../sidecar/dialects/anthropic/usage.ts';
import type { FullPrices, ProviderTypeName } from '../../../sidecar/snapshot/schema.ts';

const NOW = Date.parse('2026-11-20T00:00:00Z');

function pricesOf(type: ProviderTypeName, model: string): FullPrices {
  const known = catalogueOf(type, '', NOW)?.find(model)?.prices;
  const prices = known && wholeTable(known, false);
  if (!prices) throw new Error(`${model} has no price`);
  return prices;
}
const cost = (usage: Partial<Usage>, prices: FullPrices) =>
  formatUsd(costNanoUsd({ ...NO_USAGE, ...usage }, prices));

describe('what was written to the cache is billed once', () => {
  it.each<[string, object, string]>([
    [
      'claude-3-7-sonnet-20250219',
      {
        input_tokens: 3,
        cache_creation_input_tokens: 12_304,
        cache_read_input_tokens: 0,
        output_tokens: 550,
      },
      '0.054399',
    ],
    [
      'claude-opus-4-6',
      { input_tokens: 6, cache_creation_input_tokens: 159_217, output_tokens: 2_745 },
      '1.06376125',
    ],
    [
      'claude-3-5-haiku-20241022',
      { input_tokens: 4, cache_read_input_tokens: 2_455, output_tokens: 23 },
      '0.0002916',
    ],
    [
      'claude-sonnet-4-5',
      {
        input_tokens: 0,
        cache_creation_input_tokens: 2_000,
        cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 1_000 },
        output_tokens: 0,
      },
      // 1,000 at $3.75 and 1,000 at $6.00 a million.
      '0.00975',
    ],
  ])('%s', (model, raw, expected) => {
    const usage = readAnthropicUsage(raw);
    if (!usage) throw new Error('no usage');
    expect(cost(usage, pricesOf('Anthropic', model))).toBe(expected);
  });
});

describe('a long prompt is billed by its tier in whole', () => {
  const gemini = pricesOf('Gemini', 'gemini-3.1-pro-preview');
  it.each<[string, Partial<Usage>, string]>([
    ['250,000 tokens', { input: 250_000 }, '1'],
    ['exactly at the bound', { input: 200_000 }, '0.4'],
    ['one above', { input: 200_001 }, '0.800004'],
    // Cached input counts towards the bound and is billed by the tier: 150,000 at $4, 100,000 at $0.40.
    ['above it only with what was cached', { input: 150_000, cacheRead: 100_000 }, '0.64'],
    ['output does not count towards it', { input: 150_000, output: 60_000 }, '1.02'],
    ['output has the price of the tier', { input: 250_000, output: 1_000, reasoning: 1_000 }, '1.036'],
  ])('%s', (_, usage, expected) => expect(cost(usage, gemini)).toBe(expected));

  it('begins at 272,000 at OpenAI, where the list says so', () => {
    const openai = pricesOf('OpenAI', 'gpt-5.4');
    expect(cost({ input: 271_999 }, openai)).toBe('0.6799975');
    expect(cost({ input: 272_000 }, openai)).toBe('1.36');
  });
});

it('tells cached audio from cached text where the vendor does', () => {
  const flash = pricesOf('Gemini', 'gemini-2.5-flash');
  expect(cost({ input: 1_000, audioInput: 1_000, audioCacheRead: 1_000, cacheRead: 1_000 }, flash)).toBe(
    '0.00143',
  );
});

it('bills units without a price of their own as what they are a part of', () => {
  const prices: FullPrices = { input: 1_000_000, output: 2_000_000 };
  const all = { cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1, audioInput: 1, audioCacheRead: 1 };
  expect(cost(all, prices)).toBe('0.000005');
  expect(cost({ imageOutput: 3, output: 1 }, { ...prices, imageOutput: 40_000_000_000 })).toBe('0.120002');
});

it('knows price, window and capabilities of more than a hundred models that their vendors serve', () => {
  const vendors: ProviderTypeName[] = [
    'OpenAI',
    'Anthropic',
    'Gemini',
    'VertexAI',
    'Bedrock',
    'AzureOpenAI',
    'Mistral',
    'Cohere',
    'DeepSeek',
    'XAI',
    'Perplexity',
  ];
  const whole = vendors.flatMap((type) =>
    (catalogueOf(type, '', NOW)?.models ?? [])
      .filter(
        ({ prices, contextWindow, capabilities }) =>
          prices &&
          wholeTable(prices, capabilities?.every((each) => each !== 'Chat') ?? false) &&
          contextWindow !== undefined &&
          capabilities !== undefined,
      )
      .map(({ id }) => `${type} ${id}`),
  );
  expect(whole.length).toBeGreaterThan(150);
  for (const type of ['OpenAI', 'Anthropic', 'Gemini', 'VertexAI', 'Bedrock', 'Mistral', 'XAI', 'Perplexity'])
    expect(whole.filter((name) => name.startsWith(`${type} `))).not.toEqual([]);
});
