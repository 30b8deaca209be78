/**
 * How targets of one priority share requests. A strategy only orders: what cannot be tried has been taken out before, and
 * all that is handed in may be tried. `test/sidecar/routing/strategy-conformance.ts` is the suite each one passes.
 */
import type { RuleBody } from '../../snapshot/schema.ts';
import type { Candidate, RequestFacts } from '../plan.ts';
import type { RoutingState } from '../state.ts';

export interface StrategyContext {
  readonly rule: RuleBody;
  readonly facts: RequestFacts;
  /** Milliseconds of the caller's monotonic clock. */
  readonly now: number;
  /** 0 <= value < 1. The only source of chance. */
  readonly random: () => number;
  /** Names the rule and priority, for state that outlives a request. */
  readonly key: string;
  readonly state: RoutingState;
  /** Left by a strategy that learns from what it drew. */
  drawn?: Drawn;
}

/** A first choice that was drawn by a known chance. */
export interface Drawn {
  /** Name of the target. */
  readonly target: string;
  /** The chance it had: 0 < propensity <= 1. */
  readonly propensity: number;
  /** Kind of the request, as `contextOf` tells them apart. */
  readonly context: number;
}

export interface Strategy {
  readonly type: RuleBody['strategy']['type'];
  /**
   * Orders the candidates in place, the first choice first. Weights are positive; there is at least one candidate, at most
   * one per target. The same state, random numbers and candidates give the same order.
   */
  order(candidates: Candidate[], context: StrategyContext): void;
  /**
   * The numbers a candidate is ordered by, for explanations; changes nothing. `among`: it and those it was ordered with.
   * Absent: the weights say it all.
   */
  describe?(candidate: Candidate, context: StrategyContext, among: readonly Candidate[]): string;
}
