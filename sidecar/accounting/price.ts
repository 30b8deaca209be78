/** What usage costs. Integers throughout: a sum in pico-USD, rounded once. */
import type { FullPrices } from '../snapshot/schema.ts';
import { inputTokens, type Usage } from './usage.ts';

/** Nano-USD, rounded half up. A unit without a price of its own is billed as the unit it is a part of. */
export function costNanoUsd(usage: Usage, all: FullPrices): bigint {
  const prices = all.tiers === undefined ? all : tierFor(usage, all, all.tiers);
  const cacheRead = prices.cacheRead ?? prices.input;
  const cacheWrite5m = prices.cacheWrite5m ?? prices.input;
  const pico =
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
    BigInt(prices.request ?? 0) * BigInt(usage.requests ?? 1);
  return (pico + 500n) / 1000n;
}

/** The highest tier whose bound the input exceeds: it holds for the whole request. */
function tierFor(
  usage: Usage,
  base: FullPrices,
  tiers: NonNullable<FullPrices['tiers']>,
): Omit<FullPrices, 'tiers'> {
  const input = inputTokens(usage);
  return tiers.findLast(({ aboveInputTokens }) => input > aboveInputTokens) ?? base;
}

function part(tokens: number, price: number): bigint {
  return tokens === 0 || price === 0 ? 0n : BigInt(tokens) * BigInt(price);
}
