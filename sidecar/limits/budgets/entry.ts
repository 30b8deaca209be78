/** One budget and key in this process: its account, and what rows that are charged to it say. */
import type { Charge } from '../../accounting/charge.ts';
import { windowAt } from '../../snapshot/budget-window.ts';
import type { BudgetLease } from '../../snapshot/lease-messages.ts';
import type { BudgetBody } from '../../snapshot/shapes/budgets.ts';
import { BudgetAccount } from './account.ts';

/** The charge of a row, found again when the row is acknowledged. */
const entries = new WeakMap<Charge, Entry>();

export const entryOf = (charge: Charge): Entry | undefined => entries.get(charge);

export class Entry {
  readonly account: BudgetAccount;
  body: BudgetBody;
  #charge: Charge | undefined = undefined;
  #only: readonly Charge[] = [];
  /** By this clock, while no lease has said it. */
  #assumedUntil = Number.NEGATIVE_INFINITY;
  #assumed = 0;
  /** Below it, more is asked for before any request has to wait. */
  lowWater = 0n;
  askedAt = Number.NEGATIVE_INFINITY;
  /** Another entry stands for the budget and key now. */
  forgotten = false;

  constructor(body: BudgetBody, key: string, now: number) {
    this.body = body;
    this.account = new BudgetAccount(body.id, key, now);
  }

  /** What is spent from now on counts against it. `wall` is asked only where no lease says the window. */
  charge(now: number, wall: () => number): Charge {
    const { account } = this;
    const window = account.isLeased(now) ? (account.window as number) : this.#assume(now, wall);
    const known = this.#charge;
    if (known?.window === window && known.key === account.chargedKey) return known;
    const charge: Charge = { budget: account.budget, key: account.chargedKey, window };
    entries.set(charge, this);
    this.#charge = charge;
    this.#only = [charge];
    return charge;
  }

  /** The same as the list of charges of a row that is charged to nothing else. One object as long as it is the same. */
  only(now: number, wall: () => number): readonly Charge[] {
    this.charge(now, wall);
    return this.#only;
  }

  take(lease: BudgetLease, sentAt: number, now: number): void {
    this.account.take(lease, sentAt, now);
    const free = this.account.available(now);
    this.lowWater = this.account.scarce ? 0n : free / 4n;
  }

  #assume(now: number, wall: () => number): number {
    if (now >= this.#assumedUntil) {
      const at = wall();
      const { start, end } = windowAt(this.body.period, at);
      this.#assumed = start / 1000;
      this.#assumedUntil = now + (end - at);
    }
    this.account.assume(this.#assumed);
    return this.#assumed;
  }
}
