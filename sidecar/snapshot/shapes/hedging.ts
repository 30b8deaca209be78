/** What a rule says of second calls, of further attempts, and of limits on time that are learned. */
import type { FailureClass } from '../schema.ts';

/** One second call beside a slow one. Exactly one of `afterPercentile` and `afterMs`. */
export interface HedgeBody {
  /** Of the learned time to the committing event, at the target that was asked first: 50 to 99. */
  afterPercentile?: number;
  afterMs?: number;
  /** What calls that lost may cost, in percent of what all calls of the rule cost. */
  maxExtraCostPercent: number;
  /** Also to other models, and to targets of other priorities. */
  crossModel?: true;
}

/** Failures that have a list of their own. A class is in one list at most. */
export interface FailoverListBody {
  on: FailureClass[];
  /** Names of targets of the rule, in the order they are tried. */
  targets: string[];
}

/** Attempts at a provider that has failed the request already. */
export interface RetryBudgetBody {
  /** Of requests that came to the provider. */
  percent: number;
  /** Whatever the percentage gives. */
  minPerSecond: number;
}

/** At least one member. */
export interface LearnedBody {
  /** While another target could follow, an attempt has as long as the target normally takes, three times over. */
  timeouts?: true;
  /** An answer whose rate falls below `percent` of what the target normally delivers for `windowMs` has stalled. */
  stall?: { percent: number; windowMs: number };
}
