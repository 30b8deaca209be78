/** What may be asked where no target is left, and the rule would rather ask too dear, slow, poor or ill a target than none. */
import { costOf, type Measuring } from '../measures.ts';
import type { Candidate } from '../plan.ts';

/** A target that fell by a ceiling, by health, or both; by nothing else. */
export interface Relaxable {
  readonly candidate: Candidate;
  /** When its breaker lets it be tried again; undefined: it is healthy. */
  readonly until: number | undefined;
}

/** The lowest expected cost first; what nobody knows the price of comes last. */
export function cheapestFirst<R extends Relaxable>(list: R[], measuring: Measuring): R[] {
  const costs = new Map(
    list.map((one) => [one, costOf(one.candidate, measuring) ?? Number.POSITIVE_INFINITY]),
  );
  const cost = (one: R): number => costs.get(one) as number;
  // Two unknown prices have no difference.
  return list.sort((a, b) => (cost(a) === cost(b) ? healthier(a, b) : cost(a) - cost(b)));
}

/** The healthy first, tier by tier as `ranked` has them; then the ejected, the one that recovers first in front. */
export function ruleOrder<R extends Relaxable>(list: R[], ranked: readonly Candidate[]): R[] {
  return list.sort(
    (a, b) =>
      healthier(a, b) ||
      a.candidate.target.priority - b.candidate.target.priority ||
      ranked.indexOf(a.candidate) - ranked.indexOf(b.candidate),
  );
}

const healthier = (a: Relaxable, b: Relaxable): number => (a.until ?? 0) - (b.until ?? 0);
