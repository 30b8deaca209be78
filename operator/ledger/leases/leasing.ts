/**
 * Shares budgets out among the sidecars of the fleet. Only the leader does, and nothing is granted before it is kept that it
 * may have been: whatever crashes, the next leader never grants it a second time.
 */
import { windowAt } from '../../../sidecar/snapshot/budget-window.ts';
import type { BudgetDemand, BudgetLease } from '../../../sidecar/snapshot/lease-messages.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import { LedgerConflict } from '../kept-shard.ts';
import type { Ledger, LedgerPod } from '../ledger.ts';
import type { Charge, LedgerRow } from '../row.ts';
import { chargeOf, spendKey } from '../shard.ts';
import type { EscrowStore } from './escrow-store.ts';
import { grantOf, isScarce } from './grant.ts';
import { type Holder, holderOf, LeaseBook } from './lease-book.ts';
import { SpendWindows } from './spend-windows.ts';

export interface LeasingOptions {
  readonly ledger: Pick<Ledger, 'spent' | 'charges'>;
  readonly escrows: EscrowStore;
  /** The budget of that id, where the pod may spend it. */
  readonly budgetOf: (pod: LedgerPod, id: string) => BudgetBody | undefined;
  /** Term of this leader; undefined while it does not lead, and so grants nothing. */
  readonly term: () => number | undefined;
  readonly lives: (uid: string) => boolean;
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly onProblem: (what: string, error: unknown) => void;
  /** How long a lease may be spent without a word of the leader, in milliseconds. */
  readonly ttlMs?: number;
}

/** Ten minutes of demand and an outage of that length. */
const LEASE_TTL_MS = 900_000;
/** A sidecar counts from when it asked, this from when it answers; and clocks run unlike. */
const GRACE_MS = 30_000;
/** While leases of others may come back. */
const SOON_MS = 250;
/** Of a budget, what is kept at least ahead of grants, as a divisor. */
const CHUNK = 100n;

/** One demand, and what it is about. */
interface Asked {
  readonly demand: BudgetDemand;
  readonly budget: BudgetBody;
  readonly charge: Charge;
  readonly as: string | undefined;
  readonly since: number;
  readonly endsAt: number;
  readonly amount: bigint;
}

/** What answers under way are about to grant of one charge. In nano-USD. */
interface Reserve {
  readonly chunk: bigint;
  sum: bigint;
  /** No more is ever kept ahead. */
  free: bigint;
  answers: number;
}

export class Leasing {
  readonly #options: LeasingOptions;
  #book = new LeaseBook();
  readonly #windows = new SpendWindows();
  /** By name of the charge, while any answer waits for it to be kept. */
  readonly #reserves = new Map<string, Reserve>();
  #openedAt: number | undefined;
  #unknownBooked = false;
  #writing: Promise<void> | undefined;

  constructor(options: LeasingOptions) {
    this.#options = options;
  }

  /** Begins to grant; the ledger is read. Throws where what was kept cannot be read. */
  async open(): Promise<void> {
    const { escrows, ledger, monotonic } = this.#options;
    this.forget();
    const kept = await escrows.open();
    for (const [name] of ledger.charges()) this.#windows.note(chargeOf(name));
    for (const [charge, escrow] of kept) {
      this.#windows.note(charge);
      this.#book.restore(charge, escrow, ledger.spent(charge) ?? 0n);
    }
    this.#openedAt = monotonic();
  }

  /** Grants nothing until it is opened again: what is counted, or who leads, is not known any more. */
  forget(): void {
    this.#openedAt = undefined;
    this.#unknownBooked = false;
    this.#book = new LeaseBook();
    this.#windows.clear();
    this.#reserves.clear();
  }

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  /** Rows of a process were counted, before its demands are answered. */
  counted(pod: LedgerPod, epoch: string, rows: readonly LedgerRow[]): void {
    if (this.#openedAt === undefined) return;
    const holder = holderOf(pod.uid, epoch);
    for (const { charges, nanoUsd } of rows) {
      for (const charge of charges) {
        this.#windows.note(charge);
        this.#book.settle(charge, holder, nanoUsd);
      }
    }
  }

  /** What one process may spend from now on. Its rows of the same report are counted already. */
  async answer(pod: LedgerPod, epoch: string, demands: readonly BudgetDemand[]): Promise<BudgetLease[]> {
    const term = this.#options.term();
    if (this.#openedAt === undefined || term === undefined) return [];
    const holder = holderOf(pod.uid, epoch);
    const asked = demands.flatMap((demand) => this.#asked(pod, demand));
    for (const one of asked) this.#claim(one, holder);
    const book = this.#book;
    const reserved = this.#reserve(asked);
    try {
      if (reserved.length > 0) await this.#write();
      // Meanwhile another may have been elected, and others were granted what was free.
      if (this.#options.term() !== term || this.#book !== book) return [];
      return asked.flatMap((one) => this.#lease(one, holder, term));
    } finally {
      // Not before: a write for others that has begun meanwhile must not take it from under these grants.
      if (this.#book === book) this.#release(reserved);
    }
  }

  /** Books what ran out, and keeps what has changed. */
  async tick(): Promise<void> {
    const { monotonic, wall, lives, ttlMs = LEASE_TTL_MS } = this.#options;
    if (this.#openedAt === undefined) return;
    const now = monotonic();
    let changed = this.#book.expire(now, (holder) => !lives(holder.slice(0, holder.indexOf(' ')))).length > 0;
    if (!this.#unknownBooked && now > this.#openedAt + ttlMs + GRACE_MS) {
      this.#book.bookUnknown();
      this.#unknownBooked = true;
      changed = true;
    }
    this.#windows.tidy(wall() / 1000);
    this.#book.forget((charge) => !this.#windows.has(charge));
    if (changed) await this.#write();
  }

  /** Keeps exactly what is out, so that the next leader books nothing that was never granted. */
  async close(): Promise<void> {
    if (this.#openedAt === undefined) return;
    this.#openedAt = undefined;
    this.#reserves.clear();
    await this.#write();
  }

  /** Of a budget's key, in its present window: what is counted, what is held or booked besides, and of that what is booked. */
  standing(
    budget: BudgetBody,
    key: string,
  ): { amount: bigint; counted: bigint; taken: bigint; booked: bigint } {
    const { start, since } = windowAt(budget.period, this.#options.wall());
    const charge = { budget: budget.id, key, window: start / 1000 };
    const amount = amountOf(budget, key);
    return { amount, ...this.#used(charge, since / 1000) };
  }

  /** Keys of a budget that anything was spent by or granted to in its present window; none while it is not open. */
  keysOf({ id, period }: BudgetBody): string[] {
    const { since } = windowAt(period, this.#options.wall());
    return this.#windows.keysSince(id, since / 1000);
  }

  #asked(pod: LedgerPod, demand: BudgetDemand): Asked[] {
    const budget = this.#options.budgetOf(pod, demand.budget);
    if (!budget) return [];
    const { start, end, since } = windowAt(budget.period, this.#options.wall());
    const key = this.#windows.keyFor(budget, demand.key, start / 1000);
    const charge = { budget: budget.id, key, window: start / 1000 };
    this.#windows.note(charge);
    return [
      {
        demand,
        budget,
        charge,
        as: key === demand.key ? undefined : key,
        since: since / 1000,
        endsAt: end,
        amount: amountOf(budget, key),
      },
    ];
  }

  #claim({ demand, charge }: Asked, holder: Holder): void {
    const { monotonic, ttlMs = LEASE_TTL_MS } = this.#options;
    const until = monotonic() + ttlMs + GRACE_MS;
    const [granted, open, want] = [BigInt(demand.granted), BigInt(demand.open), BigInt(demand.want)];
    if (demand.window === charge.window) {
      this.#book.claim(charge, holder, { granted, open, want, until });
      return;
    }
    this.#book.claim(charge, holder, { granted: 0n, open: 0n, want, until });
    if (demand.window === undefined) return;
    const over = { ...charge, window: demand.window };
    this.#book.claim(over, holder, { granted, open, want: 0n, until });
    this.#book.retire(over, holder, BigInt(demand.reserved));
  }

  /**
   * Name of the charge and amount of all that will be granted; none if all of it is kept. What is kept already is among them: the
   * write for the others keeps nothing ahead that is not reserved.
   */
  #reserve(asked: readonly Asked[]): [name: string, amount: bigint][] {
    const granted = asked.filter((one) => this.#counted(one.charge) !== undefined && this.#grant(one) > 0n);
    if (granted.every((one) => this.#covers(one, this.#grant(one)))) return [];
    return granted.map((one) => {
      const name = spendKey(one.charge);
      const none = { chunk: one.amount / CHUNK, sum: 0n, free: 0n, answers: 0 };
      const reserve = this.#reserves.get(name) ?? none;
      const more = most(this.#grant(one), BigInt(one.demand.want));
      reserve.sum += more;
      reserve.free = this.#free(one);
      reserve.answers++;
      this.#reserves.set(name, reserve);
      return [name, more];
    });
  }

  #covers({ charge }: Asked, grant: bigint): boolean {
    return this.#book.covers(charge, this.#counted(charge) ?? 0n, grant);
  }

  #release(reserved: readonly [name: string, amount: bigint][]): void {
    for (const [name, amount] of reserved) {
      const reserve = this.#reserves.get(name);
      if (!reserve) continue;
      reserve.sum -= amount;
      reserve.answers--;
      if (reserve.answers === 0) this.#reserves.delete(name);
    }
  }

  /** Nano-USD to be kept ahead of what is out. */
  #ahead(charge: Charge): bigint {
    const reserve = this.#reserves.get(spendKey(charge));
    if (!reserve) return 0n;
    const ahead = reserve.chunk + reserve.sum;
    return ahead < reserve.free ? ahead : reserve.free;
  }

  #lease(one: Asked, holder: Holder, term: number): BudgetLease[] {
    const { demand, budget, charge, as, amount, endsAt } = one;
    const counted = this.#counted(charge);
    if (counted === undefined) return [];
    let grant = this.#grant(one);
    const kept = this.#covers(one, grant);
    if (!kept) grant = 0n;
    const free = this.#free(one);
    const revocable = most(0n, BigInt(demand.open) - BigInt(demand.reserved));
    const granted =
      free < 0n
        ? this.#book.take(charge, holder, -free < revocable ? -free : revocable)
        : this.#book.give(charge, holder, grant);
    const need = BigInt(demand.need);
    const soon = this.#book.outstanding(charge) > 0n;
    const { ttlMs = LEASE_TTL_MS, wall } = this.#options;
    const endsInMs = Math.max(0, endsAt - wall());
    return [
      {
        budget: budget.id,
        key: demand.key,
        ...(as !== undefined && { as }),
        window: charge.window,
        endsInMs,
        granted: granted.toString(),
        ttlMs,
        term,
        ...(isScarce({ free: free - grant, amount }) && { scarce: true as const }),
        // What could not be kept now may be there at once: whoever needs it asks again.
        ...(kept && need > grant && { exhaustedForMs: soon ? SOON_MS : endsInMs }),
      },
    ];
  }

  #grant(one: Asked): bigint {
    const { demand, charge, amount } = one;
    const ask = { need: BigInt(demand.need), want: BigInt(demand.want) };
    return grantOf(ask, { amount, free: this.#free(one), asking: this.#book.asking(charge) });
  }

  #free({ charge, since, amount }: Asked): bigint {
    const { counted, taken } = this.#used(charge, since);
    return amount - counted - taken;
  }

  /** Over all pieces of the window. */
  #used({ budget, key }: Charge, since: number): { counted: bigint; taken: bigint; booked: bigint } {
    let counted = 0n;
    let taken = 0n;
    let booked = 0n;
    for (const window of this.#windows.since(budget, key, since)) {
      const charge = { budget, key, window };
      counted += this.#counted(charge) ?? 0n;
      taken += this.#book.taken(charge);
      booked += this.#book.booked(charge);
    }
    return { counted, taken, booked };
  }

  #counted(charge: Charge): bigint | undefined {
    return this.#options.ledger.spent(charge);
  }

  /** Writes one after another; who comes during a write waits for the next one, which holds what it asked for. */
  async #write(): Promise<void> {
    const before = this.#writing;
    if (before) await before.catch(() => {});
    this.#writing ??= this.#writeNow().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #writeNow(): Promise<void> {
    const { escrows, onProblem } = this.#options;
    const wanted = this.#book.escrows(
      (charge) => this.#counted(charge) ?? 0n,
      (charge) => this.#ahead(charge),
    );
    try {
      await escrows.write(wanted);
    } catch (error) {
      if (error instanceof LedgerConflict) this.forget();
      onProblem('escrow', error);
      return;
    }
    const book = this.#book;
    for (const [charge, escrow] of wanted) book.kept(charge, escrow);
  }
}

const amountOf = ({ amount, perKey }: BudgetBody, key: string): bigint =>
  BigInt(perKey?.find(({ value }) => value === key)?.amount ?? amount);

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
