/**
 * What hedging may cost: of each rule, the cost of calls that lost against the cost of all, as far back as an hour or so.
 * A hedge is asked for before it is sent, with what it would cost if it lost, so that many at once cannot overdraw. The
 * figures steer and bill nobody, so they are plain numbers.
 */

const HALF_LIFE_MS = 15 * 60_000;
/** Rules come and go with configurations; the one that asked longest ago goes first. */
const MAX_RULES = 1024;

class Account {
  /** Nano-USD. */
  spent = 0;
  lost = 0;
  /** The same by the piece, for what has no price or costs nothing. */
  requests = 0;
  losers = 0;
  #agedAt: number;

  constructor(now: number) {
    this.#agedAt = now;
  }

  age(now: number): void {
    const passed = now - this.#agedAt;
    if (passed < 1000) return;
    const kept = 2 ** (-passed / HALF_LIFE_MS);
    this.spent *= kept;
    this.lost *= kept;
    this.requests *= kept;
    this.losers *= kept;
    this.#agedAt = now;
  }
}

/** What a hedge took out of its rule's budget until it is settled. */
export interface HedgeCharge {
  readonly key: string;
  /** Nano-USD; 0: it was taken by the piece. */
  readonly nanoUsd: number;
}

export class HedgeBudget {
  readonly #accounts = new Map<string, Account>();

  /** `nanoUsd`: what the loser is likely to cost; undefined where no price is known. Undefined: it would be too much. */
  take(key: string, nanoUsd: number | undefined, percent: number, now: number): HedgeCharge | undefined {
    const account = this.#account(key, now);
    if (nanoUsd === undefined || nanoUsd === 0) {
      if (account.losers + 1 > (account.requests * percent) / 100) return undefined;
      account.losers++;
      return { key, nanoUsd: 0 };
    }
    if (account.lost + nanoUsd > (account.spent * percent) / 100) return undefined;
    account.lost += nanoUsd;
    account.losers++;
    return { key, nanoUsd };
  }

  /** A request is settled: what it cost, and what of that was lost to hedging. */
  settle(
    key: string,
    nanoUsd: number,
    charge: HedgeCharge | undefined,
    lostNanoUsd: number,
    now: number,
  ): void {
    const account = this.#account(key, now);
    account.requests++;
    account.spent += nanoUsd;
    if (charge !== undefined) account.lost = Math.max(0, account.lost - charge.nanoUsd + lostNanoUsd);
  }

  /** Percent of the rule's cost that was lost to hedging, for the explanation. */
  percent(key: string, now: number): number {
    const account = this.#account(key, now);
    if (account.spent > 0) return (account.lost * 100) / account.spent;
    return account.requests > 0 ? (account.losers * 100) / account.requests : 0;
  }

  #account(key: string, now: number): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) {
      const [oldest] = this.#accounts.size >= MAX_RULES ? this.#accounts.keys() : [];
      if (oldest !== undefined) this.#accounts.delete(oldest);
      account = new Account(now);
      this.#accounts.set(key, account);
    }
    account.age(now);
    return account;
  }
}
