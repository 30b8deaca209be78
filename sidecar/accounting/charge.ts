/** A budget that the cost of a row counts against. */
export interface Charge {
  /** Id of the budget, and the key within it. */
  readonly budget: string;
  readonly key: string;
  /** Start of the window in seconds since the epoch. */
  readonly window: number;
}
