/** Budgets as they travel in a route: the team's own and the platform's, with every default applied. */

export interface BudgetBody {
  /**
   * Whose spend it is, such as `route/shop/assistant/monthly` or `policy/platform/teams/monthly`. Never a UID: what was spent
   * outlives the object it was spent under.
   */
  id: string;
  /** Nano-USD as a decimal string, of each key that is not in `perKey`. */
  amount: string;
  perKey?: { value: string; amount: string }[];
  period: BudgetPeriod;
  /** What spend is told apart by; values are joined by `/`. Empty: nothing, all spend is one. */
  key: BudgetKeyPart[];
  /** Keys beyond so many share one, `_other`. */
  maxKeys: number;
  enforcement: 'Strict' | 'Bounded';
  onExhausted: 'Reject' | 'Downgrade' | 'Throttle' | 'Warn';
  /** Nano-USD that one pod may spend during one outage of the ledger, as a decimal string; `0`: nothing. */
  allowUpTo: string;
  /** How long a request without a lease waits for one. */
  leaseWaitMs: number;
}

export interface BudgetPeriod {
  unit: 'Hour' | 'Day' | 'Week' | 'Month';
  /** The last 60 minutes, 24 hours, 7 or 30 days, instead of those of the calendar. */
  rolling?: true;
  /** IANA name, for days, weeks and months of the calendar. */
  timeZone: string;
}

export type BudgetKeyPart =
  | { by: 'Namespace' | 'Workload' | 'Model' | 'Provider' }
  /** Lower-case name of a header of the caller's request; absent: empty. */
  | { by: 'Header'; header: string };

/** Where keys beyond `maxKeys` go. */
export const OTHER_KEY = '_other';
