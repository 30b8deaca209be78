/** What budgets have to say of an attempt: asked in the turn in which it is sent, so that no two spend the same money. */
import type { OutriderError } from '../../errors/table.ts';
import type { Exchange } from '../exchange.ts';
import type { SpendHold } from '../limits/budgets/hold.ts';
import type { Candidate } from '../routing/plan.ts';

/** An attempt that may not be made now. */
export interface SpendRefusal {
  readonly refused: true;
  /** Next: another target may have headroom. Cheapest: only what costs least may be asked. Reject: nothing may. */
  readonly leads: 'Next' | 'Cheapest' | 'Reject';
  readonly detail: string;
  readonly error: OutriderError;
  /** Monotonic milliseconds before which asking again is of no use; undefined: it never will be. */
  readonly askAgainAt: number | undefined;
  /** How long the budget lets a request wait. */
  readonly waitMs: number;
}

export interface SpendWaiter {
  /** Number of its class, 0 the first. */
  readonly priority: number;
  /** Monotonic milliseconds. */
  readonly deadline: number;
  /** Asks again: undefined when it waits no more. */
  again(now: number): SpendRefusal | undefined;
  /** It has waited long enough, or there is no use in it any more. */
  gaveUp(refusal: SpendRefusal, now: number): void;
}

export interface SpendGate {
  /** Sets aside what the attempt may cost, to be kept in `attempt.spend`. Undefined: no budget applies. */
  take(candidate: Candidate, exchange: Exchange, now: number): SpendHold | SpendRefusal | undefined;
  /** Sets it aside whether there is room or not: the work was asked for before. Undefined: no budget applies. */
  owe(candidate: Candidate, exchange: Exchange, now: number): SpendHold | undefined;
  /** Undefined: there is no use in waiting. Else what ends it, for one whose caller leaves. */
  wait(refusal: SpendRefusal, waiter: SpendWaiter, now: number): (() => void) | undefined;
  /** So little is left, or so strict is a budget, that nothing is spent on hedges. */
  isLow(candidate: Candidate, exchange: Exchange, now: number): boolean;
  /** What it is likely to cost there; undefined: nobody knows. */
  costOf(candidate: Candidate, exchange: Exchange): bigint | undefined;
}

export const isRefusal = (taken: SpendHold | SpendRefusal | undefined): taken is SpendRefusal =>
  taken !== undefined && 'refused' in taken;

/** For those who have no other candidate and do not wait: throws what the caller is told. */
export function moneyFor(
  gate: SpendGate | undefined,
  candidate: Candidate,
  exchange: Exchange,
  now: number,
): SpendHold | undefined {
  const taken = gate?.take(candidate, exchange, now);
  if (isRefusal(taken)) throw taken.error;
  return taken;
}
