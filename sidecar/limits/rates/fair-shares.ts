/**
 * Shares one limit between those who are asking. Each may always use its part, by weight; beyond that whatever the others do not
 * seem to need of theirs. Pure: times are monotonic milliseconds.
 */
import { OTHER_KEY } from '../../snapshot/shapes/budgets.ts';
import { SlidingWindow } from '../sliding-window.ts';
import { Pace } from './pace.ts';

export interface Sharer {
  readonly weight: number;
  readonly window: SlidingWindow;
  readonly pace: Pace;
  askedAt: number;
  /** Kept free for it. */
  reserve: number;
}

/** As the window that is shared: what is forgotten there and not here would be anybody's. */
const PARTS = 120;
/** Windows take a kilobyte each. */
const MOST_KEYS = 1000;
/** Who has not asked for so long is not there. */
const SHORTEST_MS = 1000;
const LONGEST_MS = 30_000;
/** Demand is not even: so much more of it is kept free, and one request. */
const AHEAD = 1.25;

export class FairShares {
  readonly #lengthMs: number;
  readonly #maxKeys: number;
  readonly #weights: ReadonlyMap<string, number>;
  readonly #sharers = new Map<string, Sharer>();
  #weight = 0;
  #reserved = 0;
  /** Number of the slot of the windows in which it was worked out what is kept for each. */
  #reckonedIn = Number.NEGATIVE_INFINITY;

  constructor(lengthMs: number, maxKeys: number, weights: readonly { value: string; weight: number }[]) {
    this.#lengthMs = lengthMs;
    this.#maxKeys = Math.min(maxKeys, MOST_KEYS);
    this.#weights = new Map(weights.map(({ value, weight }) => [value, weight]));
  }

  /** Keys that are told apart now. */
  get size(): number {
    return this.#sharers.size;
  }

  /** It asks for `amount`, whatever comes of it. */
  asked(key: string, amount: number, now: number): Sharer {
    let sharer = this.#sharers.get(key);
    if (sharer === undefined) {
      if (this.#sharers.size >= this.#maxKeys) this.#forget(now);
      if (this.#sharers.size >= this.#maxKeys && key !== OTHER_KEY) return this.asked(OTHER_KEY, amount, now);
      sharer = {
        weight: this.#weights.get(key) ?? 1,
        window: new SlidingWindow(0, this.#lengthMs, PARTS),
        pace: new Pace(Math.min(this.#activeMs, 2000)),
        askedAt: now,
        reserve: 0,
      };
      this.#sharers.set(key, sharer);
      this.#reckonedIn = Number.NEGATIVE_INFINITY;
    } else if (now - sharer.askedAt > this.#activeMs) {
      this.#reckonedIn = Number.NEGATIVE_INFINITY;
    }
    sharer.askedAt = now;
    sharer.pace.add(amount, now);
    return sharer;
  }

  /** May it take `amount`, where `used` of `limit` are used by all together? That there is room at all is checked elsewhere. */
  allows(sharer: Sharer, amount: number, used: number, limit: number, now: number): boolean {
    if (this.#slot(now) !== this.#reckonedIn) this.#reckon(limit, now);
    const share = (limit * sharer.weight) / Math.max(sharer.weight, this.#weight);
    if (sharer.window.used(now) + amount <= share) return true;
    return used + amount + (this.#reserved - sharer.reserve) <= limit;
  }

  /** Takes it; the slot names it for `SlidingWindow.change`. */
  take(sharer: Sharer, amount: number, now: number): number {
    const kept = Math.min(amount, sharer.reserve);
    sharer.reserve -= kept;
    this.#reserved -= kept;
    return sharer.window.take(amount, now);
  }

  #slot(now: number): number {
    return Math.floor((now / this.#lengthMs) * PARTS);
  }

  get #activeMs(): number {
    return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, this.#lengthMs));
  }

  #reckon(limit: number, now: number): void {
    this.#reckonedIn = this.#slot(now);
    this.#weight = 0;
    for (const { askedAt, weight } of this.#sharers.values()) {
      if (now - askedAt <= this.#activeMs) this.#weight += weight;
    }
    this.#reserved = 0;
    for (const sharer of this.#sharers.values()) {
      sharer.reserve = 0;
      if (now - sharer.askedAt > this.#activeMs) continue;
      const share = (limit * sharer.weight) / this.#weight;
      const demand = sharer.pace.perMs(now) * this.#lengthMs * AHEAD + 1;
      sharer.reserve = Math.max(0, Math.min(share, demand) - sharer.window.used(now));
      this.#reserved += sharer.reserve;
    }
  }

  #forget(now: number): void {
    for (const [key, { askedAt, window }] of this.#sharers) {
      if (now - askedAt > this.#activeMs && window.used(now) === 0) this.#sharers.delete(key);
    }
  }
}
