/**
 * So much in any sixty seconds, whichever sixty. What is spent counts until at least a minute has passed: it is kept in slots
 * of half a second, and a slot is forgotten only when its last moment is that old. So no window ever holds more than the limit,
 * and at most one part in 120 of the limit stays unused. Times are monotonic milliseconds.
 */

const WINDOW_MS = 60_000;
const SLOT_MS = 500;
/** One more than fit: the first slot of a window is seldom in it from its beginning. */
const SLOTS = WINDOW_MS / SLOT_MS + 1;

export class SlidingWindow {
  limit: number;
  readonly #spent = new Float64Array(SLOTS);
  #used = 0;
  /** Number of the newest slot. */
  #newest = Number.NEGATIVE_INFINITY;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** What counts against the limit now. */
  used(now: number): number {
    this.#advance(now);
    return this.#used;
  }

  /** More than the whole limit is never free: such an amount takes all of it. */
  fits(amount: number, now: number): boolean {
    return this.used(now) + Math.min(amount, this.limit) <= this.limit;
  }

  /** When `amount` fits if nothing else is spent; `now` where it does already. */
  freeAt(amount: number, now: number): number {
    this.#advance(now);
    let over = this.#used + Math.min(amount, this.limit) - this.limit;
    if (over <= 0) return now;
    for (let slot = this.#newest - SLOTS + 1; slot <= this.#newest; slot++) {
      over -= this.#spent[place(slot)] ?? 0;
      if (over <= 0) return forgottenAt(slot);
    }
    return now + WINDOW_MS;
  }

  /** Counts `amount` from now on, whatever the limit says. The slot names it for `give` and `change`. */
  take(amount: number, now: number): number {
    this.#advance(now);
    this.#add(this.#newest, amount);
    return this.#newest;
  }

  /** What was taken in `slot` turned out to be so much more, or less; of no account once the slot is forgotten. */
  change(slot: number, by: number, now: number): void {
    this.#advance(now);
    if (slot > this.#newest - SLOTS) this.#add(slot, Math.max(by, -(this.#spent[place(slot)] ?? 0)));
  }

  #add(slot: number, amount: number): void {
    this.#spent[place(slot)] = (this.#spent[place(slot)] ?? 0) + amount;
    this.#used += amount;
  }

  #advance(now: number): void {
    const slot = Math.max(this.#newest, Math.floor(now / SLOT_MS));
    if (slot - this.#newest >= SLOTS) {
      this.#spent.fill(0);
      this.#used = 0;
      this.#newest = slot;
    } else {
      while (this.#newest < slot) this.#forget(++this.#newest);
    }
  }

  #forget(slot: number): void {
    const at = place(slot);
    this.#used -= this.#spent[at] ?? 0;
    this.#spent[at] = 0;
  }
}

const place = (slot: number): number => ((slot % SLOTS) + SLOTS) % SLOTS;

/** When the last moment of a slot is a minute ago. */
const forgottenAt = (slot: number): number => (slot + 1) * SLOT_MS + WINDOW_MS;
