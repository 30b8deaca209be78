/** What usage costs. Integers throughout: a sum in pico-USD, rounded once. */
import type { PriceTable } from '../snapshot/schema.ts';
import type { Usage } from './usage.ts';

/** Nano-USD, rounded half up. A unit without a price of its own is billed as the unit it is a part of. */
export function costNanoUsd(usage: Usage, prices: PriceTable): bigint {
  const pico =
    part(usage.input, prices.input) +
    part(usage.cacheRead, prices.cacheRead ?? prices.input) +
    part(usage.audioInput, prices.audioInput ?? prices.input) +
    part(usage.output, prices.output) +
    part(usage.reasoning, prices.reasoning ?? prices.output) +
    part(usage.audioOutput, prices.audioOutput ?? prices.output) +
    BigInt(prices.request ?? 0);
  return (pico + 500n) / 1000n;
}

function part(tokens: number, price: number): bigint {
  return tokens === 0 || price === 0 ? 0n : BigInt(tokens) * BigInt(price);
}
