/**
 * What an attempt used and cost. Money is given back only on proof that the provider did no work; everything else is settled
 * by the provider's own usage, or by an estimate that is flagged as one and never below what the provider admitted to.
 */

import type { Quirks } from '../dialects/chat-format.ts';
import type { ReadUsage } from '../dialects/dialect.ts';
import type { Attempt } from '../exchange.ts';
import { pricesOf } from '../snapshot/prices.ts';
import type { TypeDefaults } from '../snapshot/provider-types.ts';
import type { FullPrices } from '../snapshot/schema.ts';
import { costInTier } from './price.ts';
import type { ServiceTier } from './service-tier.ts';
import { inputTokens, NO_USAGE, outputTokens, type Settlement, type Usage } from './usage.ts';

export interface SettleFacts {
  /** The vendor bills nothing for it, whatever comes of it. */
  free?: boolean;
  /** False on paths whose usage nobody can read. */
  metered: boolean;
  readUsage: ReadUsage;
  quirks?: Quirks | undefined;
  /** Of the vendor, for tiers of service that the model has no prices for. */
  discounts?: TypeDefaults['discounts'];
  /** Input tokens as estimated for this request. */
  estimatedInput: number;
  /** Tokens the model bills for the output delivered so far, hidden reasoning included. */
  estimatedOutput: number;
  /** Output the vendor may have made and billed beyond what was delivered. Absent: none. */
  reservedOutput?: number;
}

export type SettledAttempt = Pick<
  Attempt,
  | 'candidate'
  | 'failure'
  | 'cancelled'
  | 'noWork'
  | 'finishReasons'
  | 'serviceTier'
  | 'askedTier'
  | 'rawUsage'
>;

export function settle(attempt: SettledAttempt, facts: SettleFacts): Settlement {
  if (attempt.noWork || facts.free) return { usage: NO_USAGE, source: 'None', costNanoUsd: 0n };
  if (!facts.metered) return { usage: NO_USAGE, source: 'Unknown' };

  const reported = facts.readUsage(attempt.rawUsage, facts.quirks);
  const ended = attempt.failure === undefined && !attempt.cancelled;
  // Usage that came with or after the last word counts even if the connection broke behind it.
  const final = reported !== undefined && (ended || attempt.finishReasons.length > 0);
  const usage = final ? reported : atLeast(reported ?? NO_USAGE, facts);
  const { serviceTier, askedTier } = attempt;
  const told = serviceTier !== undefined || askedTier === undefined;
  const settlement: Settlement = { usage, source: final && told ? 'Provider' : 'Estimated' };
  if (attempt.rawUsage !== undefined) settlement.raw = attempt.rawUsage;
  const prices = pricesOf(attempt.candidate.model);
  const cost =
    prices &&
    (told
      ? costInTier(usage, prices, serviceTier, facts.discounts)
      : costUntold(usage, prices, askedTier, facts.discounts));
  if (cost !== undefined) settlement.costNanoUsd = cost;
  return settlement;
}

/**
 * In a tier that was asked for and not confirmed: vendors may fall back from it, and some servers do not know of any. The
 * dearer of it and the standard one, as far as prices are known.
 */
function costUntold(
  usage: Usage,
  prices: FullPrices,
  asked: ServiceTier,
  discounts: SettleFacts['discounts'],
): bigint | undefined {
  const standard = costInTier(usage, prices, undefined, discounts);
  const own = costInTier(usage, prices, asked, discounts);
  return own === undefined || (standard !== undefined && standard > own) ? standard : own;
}

/** The larger of what was reported so far and what we estimate, side by side. */
function atLeast(reported: Usage, facts: SettleFacts): Usage {
  const missingInput = facts.estimatedInput - inputTokens(reported);
  const output = Math.max(facts.estimatedOutput, facts.reservedOutput ?? 0);
  const missingOutput = output - outputTokens(reported);
  return {
    ...reported,
    input: reported.input + Math.max(0, missingInput),
    output: reported.output + Math.max(0, missingOutput),
  };
}
