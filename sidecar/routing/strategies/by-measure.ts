/** Orders by a number, the lowest first. Equal ones share by weight: whichever is listed first must not take everything. */
import type { Candidate } from '../plan.ts';
import type { StrategyContext } from './strategy.ts';
import { drawRange } from './weighted.ts';

const measures = new Float64Array(256);

export function byMeasure(
  candidates: Candidate[],
  context: StrategyContext,
  measure: (candidate: Candidate) => number,
): void {
  if (candidates.length === 1) return;
  for (const candidate of candidates) measures[candidate.index] = measure(candidate);
  sortRange(candidates, 0, candidates.length, measures, context.random);
}

/**
 * Orders those from `from` to before `to` by what `numbers` has at their position in the rule. There are at most 32 of them,
 * mostly ten: putting each where it belongs takes a tenth of what a sort by a function does.
 */
export function sortRange(
  candidates: Candidate[],
  from: number,
  to: number,
  numbers: Float64Array,
  random: () => number,
): void {
  for (let at = from + 1; at < to; at++) {
    const candidate = candidates[at] as Candidate;
    const number = numbers[candidate.index] as number;
    let place = at;
    for (; place > from; place--) {
      const before = candidates[place - 1] as Candidate;
      if ((numbers[before.index] as number) <= number) break;
      candidates[place] = before;
    }
    candidates[place] = candidate;
  }
  for (let at = from; at < to; ) {
    const number = numberAt(candidates, at, numbers);
    let end = at + 1;
    while (end < to && numberAt(candidates, end, numbers) === number) end++;
    drawRange(candidates, at, end, random);
    at = end;
  }
}

const numberAt = (candidates: readonly Candidate[], at: number, numbers: Float64Array): number =>
  numbers[(candidates[at] as Candidate).index] as number;
