/** What usage costs. Integers throughout: a sum in pico-USD, rounded once. */
import type { TypeDefaults } from '../snapshot/provider-types.ts';
import type { FullPrices, TieredPrices, UnitPrices } from '../snapshot/schema.ts';
import type { ServiceTier } from './service-tier.ts';
import { hasRareKinds, inputTokens, type Usage } from './usage.ts';

/** Nano-USD in the standard tier of service, rounded half up. */
export function costNanoUsd(usage: Usage, prices: TieredPrices): bigint {
  const small = smallPicoUsd(usage, prices);
  if (small === undefined) return inNano(costPicoUsd(usage, prices));
  const rounded = small + 500;
  return BigInt((rounded - (rounded % 1000)) / 1000);
}

/** As `costNanoUsd`, in the tier that served; undefined where its price is not known. No tier told is the standard one. */
export function costInTier(
  usage: Usage,
  prices: FullPrices,
  tier: ServiceTier | undefined,
  discounts: TypeDefaults['discounts'],
): bigint | undefined {
  if (tier === undefined || tier === 'Standard') return costNanoUsd(usage, prices);
  if (tier === 'Other') return undefined;
  const own = prices.services?.[tier];
  if (own !== undefined) return own === 'Unknown' ? undefined : costNanoUsd(usage, own);
  const discount = discounts?.[tier];
  if (discount === undefined) return undefined;
  if (discount.uncachedOnly && usage.cacheRead + (usage.audioCacheRead ?? 0) > 0) return undefined;
  // The sum is scaled, not each price: half of an odd price is no whole number of pico-USD.
  return inNano(costPicoUsd(usage, prices) * BigInt(discount.times), BigInt(discount.over));
}

const inNano = (pico: bigint, over = 1n): bigint => (pico + 500n * over) / (1000n * over);

/** A unit without a price of its own is billed as the unit it is a part of. */
function costPicoUsd(usage: Usage, all: TieredPrices): bigint {
  const prices = all.tiers === undefined ? all : pricesFor(inputTokens(usage), all);
  const cacheRead = prices.cacheRead ?? prices.input;
  const cacheWrite5m = prices.cacheWrite5m ?? prices.input;
  return (
    part(usage.input, prices.input) +
    part(usage.cacheRead, cacheRead) +
    part(usage.cacheWrite5m ?? 0, cacheWrite5m) +
    part(usage.cacheWrite1h ?? 0, prices.cacheWrite1h ?? cacheWrite5m) +
    part(usage.audioInput, prices.audioInput ?? prices.input) +
    part(usage.audioCacheRead ?? 0, prices.audioCacheRead ?? cacheRead) +
    part(usage.output, prices.output) +
    part(usage.reasoning, prices.reasoning ?? prices.output) +
    part(usage.audioOutput, prices.audioOutput ?? prices.output) +
    part(usage.imageOutput ?? 0, prices.imageOutput ?? 0) +
    BigInt(prices.request ?? 0) * BigInt(usage.requests ?? 1)
  );
}

/** Of usage without rare kinds: the same sum in whole numbers below 2^53, which are exact. Undefined where it takes more. */
function smallPicoUsd(usage: Usage, prices: TieredPrices): number | undefined {
  const { input, cacheRead, output, reasoning, audioInput, audioOutput } = usage;
  if (prices.tiers !== undefined || audioInput > 0 || audioOutput > 0 || hasRareKinds(usage))
    return undefined;
  const sum =
    input * prices.input +
    cacheRead * (prices.cacheRead ?? prices.input) +
    output * prices.output +
    reasoning * (prices.reasoning ?? prices.output) +
    (prices.request ?? 0);
  // No part is negative, so none was rounded where the sum was not.
  return sum <= LARGEST_SMALL ? sum : undefined;
}

/** Room to round. */
const LARGEST_SMALL = Number.MAX_SAFE_INTEGER - 1000;

/** The highest tier whose bound the input exceeds: it holds for the whole request. */
export function pricesFor(input: number, all: TieredPrices): UnitPrices {
  return all.tiers?.findLast(({ aboveInputTokens }) => input > aboveInputTokens) ?? all;
}

/**
 * As `costNanoUsd` counts, but of an expectation and in pico-USD: to compare with, never to bill. `shares`: of the input, by
 * what it is not billed as plain input; the price of the request itself is in it.
 */
export function inputPicoUsd(
  tokens: number,
  shares: Readonly<Record<'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h', number>>,
  prices: UnitPrices,
): number {
  const { input, cacheRead = input, cacheWrite5m = input, cacheWrite1h = cacheWrite5m } = prices;
  const plain = Math.max(0, 1 - shares.cacheRead - shares.cacheWrite5m - shares.cacheWrite1h);
  const each =
    plain * input +
    shares.cacheRead * cacheRead +
    shares.cacheWrite5m * cacheWrite5m +
    shares.cacheWrite1h * cacheWrite1h;
  return tokens * each + (prices.request ?? 0);
}

function part(tokens: number, price: number): bigint {
  return tokens === 0 || price === 0 ? 0n : BigInt(tokens) * BigInt(price);
}
