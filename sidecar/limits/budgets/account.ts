/**
 * What this process may spend of one budget and key, and what became of it. Pure: times are milliseconds of one monotonic
 * clock, money is nano-USD. Sums begin with the process and the window, as the messages have them.
 */
import type { BudgetDemand, BudgetLease } from '../../snapshot/lease-messages.ts';

/** May it be spent now? Short: no, but a lease may come. Exhausted: nobody has any left. */
export type Reservation = 'Reserved' | 'Short' | 'Exhausted';

/** How fast spending is forgotten when the next ten minutes are guessed, and how far they reach. */
const HALF_LIFE_MS = 60_000;
/** What is spent first is taken for the spending of so long at least. */
const SHORTEST_MS = 5_000;
const AHEAD_MS = 600_000;

export class BudgetAccount {
  readonly budget: string;
  readonly key: string;
  /** Key that rows charge. */
  chargedKey: string;
  /** Seconds since the epoch, as the operator said; undefined before the first lease. */
  window: number | undefined = undefined;
  #endsAt = Number.POSITIVE_INFINITY;
  #until = Number.NEGATIVE_INFINITY;
  #exhaustedUntil = Number.NEGATIVE_INFINITY;
  #scarce = false;
  #granted = 0n;
  #returned = 0n;
  /** In rows. */
  #settled = 0n;
  /** In rows that the ledger has acknowledged. */
  #acknowledged = 0n;
  #reserved = 0n;
  /** The most that was reserved at once, and when it last was. */
  #peak = 0n;
  #peakAt = Number.NEGATIVE_INFINITY;
  #need = 0n;
  /** Nano-USD per millisecond, decayed, and when the first of it was spent. */
  #rate = 0;
  #rateAt: number;
  #rateSince = Number.POSITIVE_INFINITY;
  #usedAt: number;

  constructor(budget: string, key: string, now: number) {
    this.budget = budget;
    this.key = key;
    this.chargedKey = key;
    this.#rateAt = now;
    this.#usedAt = now;
  }

  /** Of the lease in hand. */
  available(now: number): bigint {
    if (now >= this.#until || now >= this.#endsAt) return 0n;
    const left = this.#granted - this.#returned - this.#settled - this.#reserved;
    return left > 0n ? left : 0n;
  }

  /** Whether a lease is in hand that was not run out: the ledger was heard of lately. */
  isLeased(now: number): boolean {
    return now < this.#until && now < this.#endsAt;
  }

  get scarce(): boolean {
    return this.#scarce;
  }

  get reserved(): bigint {
    return this.#reserved;
  }

  /** Of the window, by this process: in rows, and everything it may spend. */
  get settled(): bigint {
    return this.#settled;
  }

  get granted(): bigint {
    return this.#granted - this.#returned;
  }

  /** What a request waits for. */
  get need(): bigint {
    return this.#need;
  }

  /** Nothing of it is under way, owed to the ledger or left to spend, so that it can begin anew whenever it is asked for. */
  isDone(now: number): boolean {
    return this.#reserved === 0n && this.#settled === this.#acknowledged && this.available(now) === 0n;
  }

  /** No lease says the window: what is spent meanwhile belongs to that one. */
  assume(window: number): void {
    if (this.window === window) return;
    this.#begin(window);
    this.#granted = 0n;
  }

  /** Milliseconds until asking again can help. */
  exhaustedFor(now: number): number {
    return Math.max(0, this.#exhaustedUntil - now);
  }

  reserve(amount: bigint, now: number): Reservation {
    this.#usedAt = now;
    const short = amount - this.available(now);
    if (short <= 0n) {
      this.#reserved += amount;
      if (this.#reserved >= this.#peak || now - this.#peakAt > HALF_LIFE_MS) {
        this.#peak = this.#reserved;
        this.#peakAt = now;
      }
      return 'Reserved';
    }
    if (short > this.#need) this.#need = short;
    return now < this.#exhaustedUntil ? 'Exhausted' : 'Short';
  }

  /** Reserved although there is no lease for it: what is spent counts all the same. */
  overdraw(amount: bigint): void {
    this.#reserved += amount;
  }

  /** Nobody waits any more. */
  waived(): void {
    this.#need = 0n;
  }

  release(amount: bigint): void {
    this.#reserved -= amount;
  }

  /** The attempt cost `cost`, whatever was reserved; a row of it follows in the same turn. `window` is what that row charges. */
  settle(reserved: bigint, cost: bigint, window: number | undefined, now: number): void {
    this.#reserved -= reserved;
    this.#rateSince = Math.min(this.#rateSince, now);
    this.#rate = this.#rateNow(now) + (Number(cost) * Math.LN2) / HALF_LIFE_MS;
    this.#rateAt = now;
    this.#usedAt = now;
    if (window === this.window) this.#settled += cost;
  }

  /** A row that charges this account need not be sent again. */
  noteAcknowledged(cost: bigint, window: number): void {
    if (window === this.window) this.#acknowledged += cost;
  }

  /** What is idle goes back with the next report. */
  giveBack(now: number): void {
    this.#returned += this.available(now);
  }

  /** Milliseconds since a request asked for it. */
  idleFor(now: number): number {
    return now - this.#usedAt;
  }

  /**
   * `reporting`: what rows of the report charge this account in its window. Rows of an earlier report that was not answered do
   * not count: whoever heard it may not lead any more. `waiting`: what all requests together wait for, of which `need` is the
   * largest.
   */
  demand(now: number, reporting: bigint, waiting = 0n): BudgetDemand {
    const said = this.#acknowledged + reporting;
    // Rows of a window that clocks disagree about.
    const told = said < this.#settled ? said : this.#settled;
    const open = this.#granted - this.#returned - told;
    const held = this.#settled - told + this.#reserved;
    const ahead = BigInt(Math.ceil((this.#rateNow(now) * AHEAD_MS) / this.#known(now)));
    // What is reserved may be far more than what is spent: as much again as was reserved at once, so that more can be under way.
    const atOnce = now - this.#peakAt > HALF_LIFE_MS ? 0n : 2n * this.#peak - this.#reserved;
    const want = ahead + atLeastNone(atOnce) + waiting - this.available(now);
    return {
      budget: this.budget,
      key: this.key,
      ...(this.window !== undefined && { window: this.window }),
      granted: this.#granted.toString(),
      open: atLeastNone(open).toString(),
      reserved: atLeastNone(held < open ? held : open).toString(),
      need: this.#need.toString(),
      want: atLeastNone(want).toString(),
    };
  }

  /** The answer to a report that was sent at `sentAt`. */
  take(lease: BudgetLease, sentAt: number, now: number): void {
    if (lease.window !== this.window) this.#begin(lease.window);
    this.chargedKey = lease.as ?? this.key;
    this.#granted = BigInt(lease.granted);
    this.#until = sentAt + lease.ttlMs;
    this.#endsAt = now + lease.endsInMs;
    this.#scarce = lease.scarce === true;
    this.#exhaustedUntil = lease.exhaustedForMs === undefined ? now : now + lease.exhaustedForMs;
    // Who still waits asks again.
    this.#need = 0n;
  }

  /** What is under way belongs to the window it is settled in. */
  #begin(window: number): void {
    this.window = window;
    this.#settled = 0n;
    this.#acknowledged = 0n;
    this.#returned = 0n;
  }

  /** Share of the time that counts in the rate in which there was spending to count: what has just begun is no slower than it is. */
  #known(now: number): number {
    return 1 - 2 ** (-Math.max(SHORTEST_MS, now - this.#rateSince) / HALF_LIFE_MS);
  }

  #rateNow(now: number): number {
    return this.#rate * 2 ** (-(now - this.#rateAt) / HALF_LIFE_MS);
  }
}

const atLeastNone = (amount: bigint): bigint => (amount > 0n ? amount : 0n);
