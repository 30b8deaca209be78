/** Which windows of which keys anything was spent in or granted for: the ones that a budget adds up. */
import { type BudgetBody, OTHER_KEY } from '../../../sidecar/snapshot/shapes/budgets.ts';
import type { Charge } from '../row.ts';

/** The longest window, and a day for what comes late; in seconds. */
const KEPT_S = 32 * 86_400;

export class SpendWindows {
  /** Starts, by budget and key. */
  readonly #starts = new Map<string, Set<number>>();
  /** Keys of the newest window, by budget. */
  readonly #keys = new Map<string, { window: number; keys: Set<string> }>();

  note({ budget, key, window }: Charge): void {
    const name = nameOf(budget, key);
    let starts = this.#starts.get(name);
    if (!starts) this.#starts.set(name, (starts = new Set()));
    starts.add(window);
    const newest = this.#keys.get(budget);
    if (newest?.window === window) newest.keys.add(key);
    else if (!newest || newest.window < window) this.#keys.set(budget, { window, keys: new Set([key]) });
  }

  /** The key itself, or `_other` where the window has as many keys as the budget may have. */
  keyFor({ id, maxKeys }: BudgetBody, key: string, window: number): string {
    const newest = this.#keys.get(id);
    if (newest?.window !== window) return key;
    return newest.keys.has(key) || newest.keys.size < maxKeys ? key : OTHER_KEY;
  }

  /** Starts of the windows that are not before `since`. */
  *since(budget: string, key: string, since: number): Generator<number> {
    for (const start of this.#starts.get(nameOf(budget, key)) ?? []) if (start >= since) yield start;
  }

  has({ budget, key, window }: Charge): boolean {
    return this.#starts.get(nameOf(budget, key))?.has(window) ?? false;
  }

  /** Forgets what no window can look back at; `now` in seconds since the epoch. */
  tidy(now: number): void {
    for (const [name, starts] of this.#starts) {
      for (const start of starts) if (start < now - KEPT_S) starts.delete(start);
      if (starts.size === 0) this.#starts.delete(name);
    }
    for (const [budget, { window }] of this.#keys) if (window < now - KEPT_S) this.#keys.delete(budget);
  }

  clear(): void {
    this.#starts.clear();
    this.#keys.clear();
  }
}

const nameOf = (budget: string, key: string): string => JSON.stringify([budget, key]);
