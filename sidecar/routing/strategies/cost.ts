/**
 * The target at which this request is expected to cost least: input by kind and the learned length of the answer, each at
 * the target's own price. What has no known price comes behind everything that has one. About the same cost goes by weight.
 */
import { formatUsd } from '../../accounting/usd.ts';
import { expectedCost } from '../observed/expected.ts';
import type { Candidate } from '../plan.ts';
import { sortRange } from './by-measure.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

/** Within so much of the cheapest the difference is one of estimates. */
const NEAR = 1.01;
/** Answers of a model from which its length is taken to be known. */
const ENOUGH = 8;

/** By position in the rule: what is expected, and what it would be at the least. */
const expected = new Float64Array(256);
const least = new Float64Array(256);

export const COST: Strategy = {
  type: 'Cost',
  order(candidates, context) {
    if (candidates.length < 2) return;
    let best = Number.POSITIVE_INFINITY;
    for (const candidate of candidates) best = Math.min(best, note(candidate, context));
    // What costs about as little as the cheapest is equal to it.
    for (const { index } of candidates)
      if ((expected[index] as number) <= best * NEAR) expected[index] = best;
    sortRange(candidates, 0, candidates.length, expected, context.random);
    const tried = worthTrying(candidates, best, context);
    if (tried > 0) candidates.unshift(...candidates.splice(tried, 1));
  },
  describe(candidate, context) {
    const cost = expectedCost(candidate, context);
    if (cost === undefined) return `the price of ${candidate.upstreamModel} is not known, so it comes last`;
    const { picoUsd, input, cacheRead, output, reasoning, seen } = cost;
    const cached = cacheRead < 1 ? '' : ` (${Math.round(cacheRead)} from the cache)`;
    const thought = reasoning < 1 ? '' : ` and ${Math.round(reasoning)} of reasoning`;
    const length = `${Math.round(output)} tokens of output${thought}`;
    const source = seen < 1 ? 'not learned yet' : `learned from ${Math.round(seen)} answers`;
    const usd = formatUsd(BigInt(Math.round(picoUsd / 1000)));
    return `about $${usd} is expected: ${Math.round(input)} tokens of input${cached}, ${length} (${source})`;
  },
};

function note(candidate: Candidate, context: StrategyContext): number {
  const cost = expectedCost(candidate, context);
  const { index } = candidate;
  expected[index] = cost?.picoUsd ?? Number.POSITIVE_INFINITY;
  const isKnown = cost === undefined || cost.seen >= ENOUGH;
  least[index] = isKnown ? Number.POSITIVE_INFINITY : cost.leastPicoUsd;
  return expected[index];
}

/** Position of a candidate whose answers nobody knows and that could be the cheapest; 0: none, or not now. */
function worthTrying(candidates: readonly Candidate[], best: number, context: StrategyContext): number {
  const at = candidates.findIndex((candidate, i) => i > 0 && (least[candidate.index] as number) < best);
  if (at < 0) return 0;
  const { exploration } = context.state;
  return exploration.mayLearn(context.key, context.now) ? at : 0;
}
