/**
 * What every process holds of every budget. Pure state: no clock, no I/O.
 *
 * For each charge (budget, key, window) this holds: rows counted + booked + open of every process + unknown <= granted up to.
 * The right side is kept before anything is granted under it, so whoever leads next knows what may be out there: all that
 * is kept and not counted is unknown to it, until the processes say what they hold or their leases have run out.
 */
import type { Charge } from '../row.ts';
import { spendKey } from '../shard.ts';

/** One process of a sidecar. */
export type Holder = string;
export const holderOf = (uid: string, epoch: string): Holder => `${uid} ${epoch}`;

interface Holding {
  granted: bigint;
  /** Of that, what may still come as rows. */
  open: bigint;
  want: bigint;
  /** When it may not be spent any more. */
  until: number;
}

export interface Escrow {
  /** The most that may have been spent, as it is kept. */
  upTo: bigint;
  /** Leases that ran out unsettled: counted as spent. */
  booked: bigint;
}

export interface Claim {
  granted: bigint;
  open: bigint;
  want: bigint;
  /** When it may not be spent any more. */
  until: number;
}

interface Account {
  readonly charge: Charge;
  readonly holdings: Map<Holder, Holding>;
  /** Of these, those that want some. */
  asking: number;
  open: bigint;
  /** Granted by a leader before this one, and by whom it is held not known yet. */
  unknown: bigint;
  booked: bigint;
  /** As kept: never below what may be spent. */
  upTo: bigint;
}

export class LeaseBook {
  readonly #accounts = new Map<string, Account>();

  /** Takes over what was kept; `counted` are the rows of the charge. */
  restore(charge: Charge, { upTo, booked }: Escrow, counted: bigint): void {
    const account = this.#account(charge);
    account.upTo = upTo;
    account.booked = booked;
    const rest = upTo - counted - booked;
    account.unknown = rest > 0n ? rest : 0n;
  }

  /** Nano-USD of the charge that are not free although they are not counted: held, booked or unknown. */
  taken(charge: Charge): bigint {
    const account = this.#accounts.get(spendKey(charge));
    return account ? account.open + account.unknown + account.booked : 0n;
  }

  /** Held or unknown: it may come back. */
  outstanding(charge: Charge): bigint {
    const account = this.#accounts.get(spendKey(charge));
    return account ? account.open + account.unknown : 0n;
  }

  booked(charge: Charge): bigint {
    return this.#accounts.get(spendKey(charge))?.booked ?? 0n;
  }

  /** Processes that want some of it. */
  asking(charge: Charge): number {
    return this.#accounts.get(spendKey(charge))?.asking ?? 0;
  }

  /**
   * What a process says it holds, which is believed as far as it was granted, or may have been by an earlier leader. It is
   * the newest there is: an answer that it did not hear of by now it never will.
   */
  claim(charge: Charge, holder: Holder, said: Claim): void {
    const account = this.#account(charge);
    const known = account.holdings.get(holder);
    let granted: bigint;
    let open: bigint;
    if (known) {
      granted = least(said.granted, known.granted);
      open = least(said.open, granted);
      account.open += open - known.open;
    } else {
      open = least(said.open, account.unknown + account.booked);
      granted = said.granted - (said.open - open);
      const fromUnknown = least(open, account.unknown);
      account.unknown -= fromUnknown;
      account.booked -= open - fromUnknown;
      account.open += open;
    }
    account.asking += wants(said) - wants(known);
    account.holdings.set(holder, { granted, open, want: said.want, until: said.until });
  }

  /** What the process is granted after this. Only under what is kept: see `covers`. */
  give(charge: Charge, holder: Holder, amount: bigint): bigint {
    const account = this.#account(charge);
    const holding = account.holdings.get(holder);
    if (!holding) throw new Error('a lease is given to whoever claimed before');
    holding.granted += amount;
    holding.open += amount;
    account.open += amount;
    return holding.granted;
  }

  /** Takes back what is held and not reserved, `amount` at most. What the process is granted after this. */
  take(charge: Charge, holder: Holder, amount: bigint): bigint {
    const account = this.#account(charge);
    const holding = account.holdings.get(holder);
    if (!holding) return 0n;
    const taken = least(amount, holding.open);
    holding.granted -= taken;
    holding.open -= taken;
    account.open -= taken;
    return holding.granted;
  }

  /** The window is over: of what the process holds there, only `reserved` can still come, as rows and not as claims. */
  retire(charge: Charge, holder: Holder, reserved: bigint): void {
    const account = this.#accounts.get(spendKey(charge));
    const holding = account?.holdings.get(holder);
    if (!account || !holding) return;
    account.holdings.delete(holder);
    account.asking -= wants(holding);
    account.open -= holding.open;
    account.booked += least(reserved, holding.open);
  }

  /**
   * Rows were counted, which are not open, booked or unknown any more. A process that lives says in the same report what is still
   * open; one that is gone, whose rows its successor brings, does not.
   */
  settle(charge: Charge, holder: Holder, amount: bigint): void {
    const account = this.#accounts.get(spendKey(charge));
    if (!account) return;
    const holding = account.holdings.get(holder);
    if (holding) {
      const settled = least(amount, holding.open);
      holding.open -= settled;
      account.open -= settled;
      return;
    }
    const fromUnknown = least(amount, account.unknown);
    account.unknown -= fromUnknown;
    account.booked -= least(amount - fromUnknown, account.booked);
  }

  /** Leases that ran out: what was open is booked. Returns the charges that have changed. */
  expire(now: number, gone: (holder: Holder) => boolean): Charge[] {
    const changed: Charge[] = [];
    for (const account of this.#accounts.values()) {
      let booked = 0n;
      for (const [holder, holding] of account.holdings) {
        const { open, until } = holding;
        if (until > now && !gone(holder)) continue;
        account.holdings.delete(holder);
        account.asking -= wants(holding);
        account.open -= open;
        booked += open;
      }
      if (booked === 0n) continue;
      account.booked += booked;
      changed.push(account.charge);
    }
    return changed;
  }

  /** Every lease of an earlier leader has run out: what nobody claimed is booked. */
  bookUnknown(): void {
    for (const account of this.#accounts.values()) {
      account.booked += account.unknown;
      account.unknown = 0n;
    }
  }

  /** Whether `amount` more may be granted under what is kept. */
  covers(charge: Charge, counted: bigint, amount: bigint): boolean {
    const account = this.#accounts.get(spendKey(charge));
    return account !== undefined && counted + this.taken(charge) + amount <= account.upTo;
  }

  /**
   * What is to be kept of each charge; `reserve` says what should be granted under it besides. From now on no more is granted
   * than under both this and what was kept before: nobody knows which of them the store has until it answers.
   */
  escrows(counted: (charge: Charge) => bigint, reserve: (charge: Charge) => bigint): [Charge, Escrow][] {
    return [...this.#accounts.values()].map((account) => {
      const { charge, booked } = account;
      const upTo = counted(charge) + this.taken(charge) + reserve(charge);
      account.upTo = least(account.upTo, upTo);
      return [charge, { upTo, booked }];
    });
  }

  /** What was to be kept is in the store: from now on it may be granted under. */
  kept(charge: Charge, { upTo }: Escrow): void {
    const account = this.#accounts.get(spendKey(charge));
    if (account) account.upTo = upTo;
  }

  forget(over: (charge: Charge) => boolean): void {
    for (const [name, { charge }] of this.#accounts) if (over(charge)) this.#accounts.delete(name);
  }

  #account(charge: Charge): Account {
    const name = spendKey(charge);
    let account = this.#accounts.get(name);
    if (!account) {
      account = { charge, holdings: new Map(), asking: 0, open: 0n, unknown: 0n, booked: 0n, upTo: 0n };
      this.#accounts.set(name, account);
    }
    return account;
  }
}

const wants = (holding: Pick<Holding, 'want'> | undefined): number => (holding && holding.want > 0n ? 1 : 0);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
