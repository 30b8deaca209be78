/** What an attempt is likely to cost, and the most that it can. Nano-USD. */
import { costNanoUsd } from '../../accounting/price.ts';
import { NO_USAGE } from '../../accounting/usage.ts';
import type { Exchange } from '../../exchange.ts';
import type { Candidate, RequestFacts } from '../../routing/plan.ts';
import { pricesOf } from '../../snapshot/prices.ts';
import { mostPicoUsd } from './upper-bound.ts';

/** What is learned of a model's tokens; `model` names provider and model. */
export interface TokenEstimates {
  inputTokens(model: string, estimatedInput: number): number;
  outputReserve(model: string): number;
}

/** Undefined: the price is not known. */
export function likelyCost(
  candidate: Candidate,
  facts: RequestFacts,
  estimates: TokenEstimates,
): bigint | undefined {
  const prices = pricesOf(candidate.model);
  if (prices === undefined) return undefined;
  const model = `${candidate.providerId} ${candidate.upstreamModel}`;
  const input = Math.ceil(estimates.inputTokens(model, facts.inputTokens));
  return costNanoUsd({ ...NO_USAGE, input, output: likelyOutput(model, facts, estimates) }, prices);
}

/** The cap, or what answers hardly ever exceed if that is less: most callers allow far more than they use. */
function likelyOutput(model: string, facts: RequestFacts, estimates: TokenEstimates): number {
  if (facts.needs === 'Embeddings' || facts.needs === 'Rerank') return 0;
  const usual = estimates.outputReserve(model);
  const cap = facts.maxOutputTokens;
  return (cap === undefined || usual < cap ? usual : cap) * facts.choices;
}

/** A sentence: why there is no most. */
export function mostCost(candidate: Candidate, exchange: Exchange): bigint | string {
  const pico = mostPicoUsd(candidate, exchange);
  return typeof pico === 'string' ? pico : (pico + 999n) / 1000n;
}
