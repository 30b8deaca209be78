/** Orders by a number, the lowest first. Equal ones share by weight: whichever is listed first must not take everything. */
import type { Candidate } from '../plan.ts';
import type { StrategyContext } from './strategy.ts';
import { WEIGHTED } from './weighted.ts';

export function byMeasure(
  candidates: Candidate[],
  context: StrategyContext,
  measure: (candidate: Candidate) => number,
): void {
  if (candidates.length === 1) return;
  // A draw before a sort that keeps the order of equals.
  WEIGHTED.order(candidates, context);
  const measures: number[] = [];
  for (const candidate of candidates) measures[candidate.index] = measure(candidate);
  const of = ({ index }: Candidate): number => measures[index] as number;
  candidates.sort((a, b) => of(a) - of(b));
}
