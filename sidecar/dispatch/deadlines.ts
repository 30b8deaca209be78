/**
 * One coarse timer for all running requests. Moving a deadline is an assignment, so a stream that makes progress a
 * thousand times a second costs no timer work; a deadline may be noticed up to one period late.
 */
import type { Clock, Timer } from '../snapshot/clock.ts';

export interface Deadline {
  /** Milliseconds of the clock's monotonic time; Infinity: none. */
  deadline: number;
  /** Where `Deadlines` keeps it; -1: nowhere. Nobody else's business. */
  slot: number;
  /** Called on every tick from `deadline` on, until it is moved or removed. */
  onDeadline(now: number): void;
}

const PERIOD_MS = 50;

/**
 * Entries are in an array whose places are emptied, not in a Set: a Set that is added to and deleted from replaces its table
 * every few requests, and each table that is thrown away still points to its entries and to the next table. Old and dead as it
 * is, it keeps whole requests alive until a full collection: 5 KB of each request, and four fifths of the collector's time.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #period: number;
  readonly #active: (Deadline | undefined)[] = [];
  #count = 0;
  readonly #tick = (): void => this.#run();
  #timer: Timer | undefined;

  constructor(clock: Clock, periodMs = PERIOD_MS) {
    this.#clock = clock;
    this.#period = periodMs;
  }

  get size(): number {
    return this.#count;
  }

  add(entry: Deadline): void {
    entry.slot = this.#count++;
    this.#active[entry.slot] = entry;
    this.#timer ??= this.#clock.after(this.#period, this.#tick);
  }

  remove(entry: Deadline): void {
    // The timer is left to find nothing to do: stopping it here would restart it for every request.
    if (entry.slot < 0) return;
    const last = this.#active[--this.#count] as Deadline;
    this.#active[this.#count] = undefined;
    if (last !== entry) {
      this.#active[entry.slot] = last;
      last.slot = entry.slot;
    }
    entry.slot = -1;
  }

  /** Stops the timer; for shutdown, when no request runs. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (this.#count > 0) this.remove(this.#active[this.#count - 1] as Deadline);
  }

  #run(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    // Backwards: what is removed on the way is replaced by one that has had its turn.
    for (let i = this.#count - 1; i >= 0; i--) {
      const entry = this.#active[i];
      if (entry !== undefined && now >= entry.deadline) entry.onDeadline(now);
    }
    if (this.#count > 0) this.#timer ??= this.#clock.after(this.#period, this.#tick);
  }
}
