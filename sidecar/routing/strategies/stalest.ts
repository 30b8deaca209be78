/** Which target to look at again for strategies that go by what was seen: without that, what once was slow stays slow. */
import { inputBucket } from '../observed/buckets.ts';
import type { Candidate } from '../plan.ts';
import type { StrategyContext } from './strategy.ts';

/** Position of the one that was seen longest ago; 0: none is due. */
export function stalest(
  candidates: readonly Candidate[],
  { facts, state, key, now }: StrategyContext,
): number {
  const { observed, exploration } = state;
  if (!exploration.isDue(key, candidates.length - 1, now)) return 0;
  let found = 0;
  let oldest = Number.POSITIVE_INFINITY;
  for (let at = 1; at < candidates.length; at++) {
    const waits = observed
      .of(candidates[at] as Candidate)
      ?.nearest(inputBucket(facts.inputTokens), facts.stream);
    const seenAt = waits?.times.at ?? Number.NEGATIVE_INFINITY;
    if (seenAt >= oldest || (waits?.open.size ?? 0) > 0) continue;
    oldest = seenAt;
    found = at;
  }
  if (found > 0) exploration.took(key, now);
  return found;
}
