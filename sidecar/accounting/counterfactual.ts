/** What routing saved: the same tokens at the dearest target that the request could have gone to, less what it cost. */
import type { Attempt, Exchange } from '../exchange.ts';
import { pricesOf } from '../snapshot/prices.ts';
import type { FullPrices } from '../snapshot/schema.ts';
import { costNanoUsd } from './price.ts';

/**
 * Nano-USD, never below zero; undefined where there is nothing to compare: one price, or no usage of the provider's own.
 * `served` is the attempt whose answer the caller got; what failed tries cost is taken off.
 */
export function savedNanoUsd({ plan, attempts }: Exchange, served: Attempt): bigint | undefined {
  const { settlement, candidate } = served;
  if (!plan || settlement?.costNanoUsd === undefined) return undefined;
  const own = pricesOf(candidate.model);
  let dearest = settlement.costNanoUsd;
  // Of most rules all targets have one price: nothing is made for them.
  let others: FullPrices[] | undefined;
  for (const { model } of plan.candidates) {
    const prices = pricesOf(model);
    if (prices === undefined || prices === own || others?.includes(prices)) continue;
    (others ??= []).push(prices);
    const cost = costNanoUsd(settlement.usage, prices);
    if (cost > dearest) dearest = cost;
  }
  const compared = (own === undefined ? 0 : 1) + (others?.length ?? 0);
  if (compared < 2) return undefined;
  let cost = 0n;
  for (const attempt of attempts) cost += attempt.settlement?.costNanoUsd ?? 0n;
  return dearest > cost ? dearest - cost : 0n;
}
