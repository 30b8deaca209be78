/**
 * So much in any sixty seconds, or another length, whichever sixty. What is spent counts until at least a minute has passed: it is
 * kept in slots of half a second, and a slot is forgotten only when its last moment is that old. So no window ever holds more than
 * the limit, and at most one part in 120 of the limit stays unused. Times are monotonic milliseconds.
 */

const MINUTE_MS = 60_000;
const PARTS = 120;

export class SlidingWindow {
  limit: number;
  readonly lengthMs: number;
  readonly #slotMs: number;
  /** One more than fit: the first slot of a window is seldom in it from its beginning. */
  readonly #slots: number;
  readonly #spent: Float64Array;
  #used = 0;
  /** Number of the newest slot. */
  #newest = Number.NEGATIVE_INFINITY;

  /** `parts`: slots that a window has. */
  constructor(limit: number, lengthMs: number = MINUTE_MS, parts: number = PARTS) {
    this.limit = limit;
    this.lengthMs = lengthMs;
    this.#slotMs = lengthMs / parts;
    this.#slots = parts + 1;
    this.#spent = new Float64Array(this.#slots);
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
    for (let slot = this.#newest - this.#slots + 1; slot <= this.#newest; slot++) {
      over -= this.#spent[this.#place(slot)] ?? 0;
      // When the last moment of the slot is as long ago as a window.
      if (over <= 0) return (slot + 1) * this.#slotMs + this.lengthMs;
    }
    return now + this.lengthMs;
  }

  /** When nothing that is counted now counts any more; `now` where nothing does. */
  emptyAt(now: number): number {
    return this.used(now) > 0 ? (this.#newest + 1) * this.#slotMs + this.lengthMs : now;
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
    if (slot > this.#newest - this.#slots)
      this.#add(slot, Math.max(by, -(this.#spent[this.#place(slot)] ?? 0)));
  }

  #add(slot: number, amount: number): void {
    const at = this.#place(slot);
    this.#spent[at] = (this.#spent[at] ?? 0) + amount;
    this.#used += amount;
  }

  #advance(now: number): void {
    const slot = Math.max(this.#newest, Math.floor(now / this.#slotMs));
    if (slot - this.#newest >= this.#slots) {
      this.#spent.fill(0);
      this.#used = 0;
      this.#newest = slot;
    } else {
      while (this.#newest < slot) this.#forget(++this.#newest);
    }
  }

  #forget(slot: number): void {
    const at = this.#place(slot);
    this.#used -= this.#spent[at] ?? 0;
    this.#spent[at] = 0;
  }

  #place(slot: number): number {
    return ((slot % this.#slots) + this.#slots) % this.#slots;
  }
}
