/** Who spends budgets, as the reports see it. */
import type { Charge } from '../accounting/charge.ts';
import type { BudgetDemand, BudgetLease } from './lease-messages.ts';

export interface LeaseParty {
  /** For a report that carries `rows`; undefined: nothing is spent here. */
  demands(rows: readonly unknown[]): BudgetDemand[] | undefined;
  /** A row that charges these need not be sent again. */
  acknowledged(charges: readonly Charge[], nanoUsd: bigint): void;
  /** The answer to a report that was sent at `sentAt`, in monotonic milliseconds. */
  answered(leases: readonly BudgetLease[], sentAt: number): void;
  /** A report came to nothing. */
  unreachable(): void;
  /** Calls `ask` when a report should go out now. */
  onNeed(ask: () => void): void;
  /** Nothing more is spent: everything that is left goes back with the next report. False: there is nothing to tell. */
  end(): boolean;
}
