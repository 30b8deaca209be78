/**
 * How budgets are shared out: a sidecar tells in its reports what it needs and what became of what it had, and the answer
 * says how much it may spend. Every amount is a sum since the process began, so an answer that is lost, or comes twice,
 * changes nothing.
 */

/** In a Report: one budget, key and window that this process spends. Nano-USD as decimal strings. */
export interface BudgetDemand {
  /** Id of the budget, and the key within it. */
  budget: string;
  key: string;
  /** Seconds since the epoch at which the window began, as the operator said; absent while it did not. */
  window?: number;
  /** Everything this process was granted in that window, as far as it heard. */
  granted: string;
  /**
   * Of that, what may still come as rows: it is neither given back nor in rows of this report or in acknowledged ones. What is
   * granted and not open is done with.
   */
  open: string;
  /** Of `open`, what requests under way have reserved or spent; the rest can be taken back. */
  reserved: string;
  /** What a request waits for now; `0`: none does. */
  need: string;
  /** What it is likely to spend in the next ten minutes. */
  want: string;
}

/** In the answer: what holds from now on for one demand. */
export interface BudgetLease {
  budget: string;
  key: string;
  /** Key that rows charge instead: the budget has as many keys as it may have. */
  as?: string;
  window: number;
  /** Milliseconds until the window ends. */
  endsInMs: number;
  /** Everything this process is granted in the window; less than before where the budget was lowered. */
  granted: string;
  /** Until when it may be spent, from when the report was sent. */
  ttlMs: number;
  /** Of the leader; an answer with a lower one than was heard before is refused. */
  term: number;
  /** Headroom is short: what is not used for a moment goes back at once. */
  scarce?: true;
  /** Nothing more is left for this key: the milliseconds until that can change. */
  exhaustedForMs?: number;
  /** Of the ledger that this operator leases from; absent: its own. */
  ledger?: string;
}

/** Bounds of one report and its answer. */
export const MAX_DEMANDS = 500;
