/**
 * Grants budgets where there is no operator: this process is the only one that spends, so it has all there is. What was spent
 * is known for as long as the process lives, and no longer.
 */
import type { Charge } from '../../accounting/charge.ts';
import { windowAt } from '../../snapshot/budget-window.ts';
import type { BudgetLease } from '../../snapshot/lease-messages.ts';
import { type BudgetBody, OTHER_KEY } from '../../snapshot/shapes/budgets.ts';
import type { Entry } from './entry.ts';

/** Within it, a new piece of a rolling window is seen. */
const TTL_MS = 60_000;
/** What is under way may cost less than was set aside for it. */
const SOON_MS = 250;

/** Nano-USD by start of the window, in seconds. */
type Spent = Map<number, bigint>;

export class LocalLessor {
  readonly #wall: () => number;
  /** By budget, then by key. */
  readonly #spent = new Map<string, Map<string, Spent>>();

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  /** Keys beyond the bound of the budget share one. */
  keyFor({ id, maxKeys, period }: BudgetBody, key: string): string {
    const keys = this.#keysOf(id);
    if (keys.has(key)) return key;
    if (keys.size >= maxKeys) {
      const { since } = windowAt(period, this.#wall());
      for (const [known, spent] of keys) if (isOver(spent, since / 1000)) keys.delete(known);
      if (keys.size >= maxKeys) return OTHER_KEY;
    }
    keys.set(key, new Map());
    return key;
  }

  lease({ body, account }: Entry): BudgetLease {
    const at = this.#wall();
    const { start, end, since } = windowAt(body.period, at);
    const window = start / 1000;
    const { id, amount, perKey } = body;
    const spent = this.#spentBy(id, account.key);
    let left = BigInt(perKey?.find(({ value }) => value === account.key)?.amount ?? amount);
    for (const [piece, nanoUsd] of spent) {
      if (piece < since / 1000) spent.delete(piece);
      else if (piece !== window) left -= nanoUsd;
    }
    const endsInMs = end - at;
    // What is needed is so much more than what was granted already.
    const short = account.need > left - (account.window === window ? account.granted : 0n);
    return {
      budget: id,
      key: account.key,
      window,
      endsInMs,
      granted: (left > 0n ? left : 0n).toString(),
      ttlMs: TTL_MS,
      term: 0,
      ...(short && { exhaustedForMs: account.reserved > 0n ? Math.min(SOON_MS, endsInMs) : endsInMs }),
    };
  }

  /** An attempt was settled. */
  spent(charges: readonly Charge[], nanoUsd: bigint): void {
    for (const { budget, key, window } of charges) {
      const spent = this.#spentBy(budget, key);
      spent.set(window, (spent.get(window) ?? 0n) + nanoUsd);
    }
  }

  #spentBy(budget: string, key: string): Spent {
    const keys = this.#keysOf(budget);
    let spent = keys.get(key);
    if (!spent) keys.set(key, (spent = new Map()));
    return spent;
  }

  #keysOf(budget: string): Map<string, Spent> {
    let keys = this.#spent.get(budget);
    if (!keys) this.#spent.set(budget, (keys = new Map()));
    return keys;
  }
}

function isOver(spent: Spent, since: number): boolean {
  for (const window of spent.keys()) if (window >= since) return false;
  return true;
}
