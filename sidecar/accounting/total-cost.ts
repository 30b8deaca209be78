import type { Attempt } from '../exchange.ts';

/** Nano-USD of all attempts; undefined while one is not settled, or where a price is unknown. */
export function totalCost(attempts: readonly Attempt[]): bigint | undefined {
  let total = 0n;
  for (const { settlement } of attempts) {
    if (settlement?.costNanoUsd === undefined) return undefined;
    total += settlement.costNanoUsd;
  }
  return total;
}
