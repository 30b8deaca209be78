/** Which windows of which keys anything was spent in or granted for: the ones that a budget adds up. */
import { type BudgetBody, OTHER_KEY } from '../../../sidecar/snapshot/shapes/budgets.ts';
import type { Charge } from '../row.ts';

/** The longest window, and a day for what comes late; in seconds. */
const KEPT_S = 32 * 86_400;

export class SpendWindows {
  /** Starts, by budget, then by key. */
  readonly #starts = new Map<string, Map<string, Set<number>>>();
  /** Keys of the newest window, by budget. */
  readonly #keys = new Map<string, { window: number; keys: Set<string> }>();

  note({ budget, key, window }: Charge): void {
    let keys = this.#starts.get(budget);
    if (!keys) this.#starts.set(budget, (keys = new Map()));
    let starts = keys.get(key);
    if (!starts) keys.set(key, (starts = new Set()));
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
    for (const start of this.#starts.get(budget)?.get(key) ?? []) if (start >= since) yield start;
  }

  /** Keys of the budget with a window that is not before `since`, sorted. */
  keysSince(budget: string, since: number): string[] {
    const found: string[] = [];
    for (const [key, starts] of this.#starts.get(budget) ?? []) {
      for (const start of starts) {
        if (start < since) continue;
        found.push(key);
        break;
      }
    }
    return found.sort();
  }

  has({ budget, key, window }: Charge): boolean {
    return this.#starts.get(budget)?.get(key)?.has(window) ?? false;
  }

  /** Forgets what no window can look back at; `now` in seconds since the epoch. */
  tidy(now: number): void {
    for (const [budget, keys] of this.#starts) {
      for (const [key, starts] of keys) {
        for (const start of starts) if (start < now - KEPT_S) starts.delete(start);
        if (starts.size === 0) keys.delete(key);
      }
      if (keys.size === 0) this.#starts.delete(budget);
    }
    for (const [budget, { window }] of this.#keys) if (window < now - KEPT_S) this.#keys.delete(budget);
  }

  clear(): void {
    this.#starts.clear();
    this.#keys.clear();
  }
}
