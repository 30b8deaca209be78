/** What one attempt has set aside of every budget it falls under: taken together, and settled once, whatever becomes of it. */
import type { Charge } from '../../accounting/charge.ts';
import type { Entry } from './entry.ts';

/** Spent without the ledger, in one outage. */
export interface Allowance {
  spent: bigint;
}

export interface HoldParts {
  readonly entries: readonly Entry[];
  /** Nano-USD, by entry. */
  readonly amounts: readonly bigint[];
  readonly charges: readonly Charge[];
  /** Whom the rows are charged to besides the namespace. */
  readonly key: string;
  /** By entry; undefined: nothing of it was allowed because of an outage. */
  readonly allowances: readonly (Allowance | undefined)[] | undefined;
  readonly onSettled: () => void;
}

export class SpendHold {
  readonly #parts: HoldParts;
  #open = true;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  get charges(): readonly Charge[] {
    return this.#parts.charges;
  }

  get key(): string {
    return this.#parts.key;
  }

  /** What was set aside, of the budget that wanted most. */
  get amount(): bigint {
    let most = 0n;
    for (const one of this.#parts.amounts) if (one > most) most = one;
    return most;
  }

  /** `cost` is what it really came to; a row that says so follows in the same turn, or it is nothing. False: it was settled before. */
  settle(cost: bigint, now: number): boolean {
    if (!this.#open) return false;
    this.#open = false;
    const { entries, amounts, charges, allowances, onSettled } = this.#parts;
    for (let i = 0; i < entries.length; i++) {
      const amount = amounts[i] as bigint;
      entries[i]?.account.settle(amount, cost, charges[i]?.window, now);
      const allowance = allowances?.[i];
      if (allowance) allowance.spent += cost - amount;
    }
    onSettled();
    return true;
  }
}
