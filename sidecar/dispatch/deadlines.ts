/**
 * One coarse timer for all running requests. Moving a deadline is an assignment, so a stream that makes progress a
 * thousand times a second costs no timer work; a deadline may be noticed up to one period late.
 */
import type { Clock, Timer } from '../snapshot/clock.ts';

export interface Deadline {
  /** Milliseconds of the clock's monotonic time; Infinity: none. */
  deadline: number;
  /** Called on every tick from `deadline` on, until it is moved or removed. */
  onDeadline(now: number): void;
}

const PERIOD_MS = 50;

export class Deadlines {
  readonly #clock: Clock;
  readonly #period: number;
  readonly #active = new Set<Deadline>();
  readonly #tick = (): void => this.#run();
  #timer: Timer | undefined;

  constructor(clock: Clock, periodMs = PERIOD_MS) {
    this.#clock = clock;
    this.#period = periodMs;
  }

  get size(): number {
    return this.#active.size;
  }

  add(entry: Deadline): void {
    this.#active.add(entry);
    this.#timer ??= this.#clock.after(this.#period, this.#tick);
  }

  remove(entry: Deadline): void {
    // The timer is left to find nothing to do: stopping it here would restart it for every request.
    this.#active.delete(entry);
  }

  /** Stops the timer; for shutdown, when no request runs. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#active.clear();
  }

  #run(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const entry of this.#active) if (now >= entry.deadline) entry.onDeadline(now);
    if (this.#active.size > 0) this.#timer ??= this.#clock.after(this.#period, this.#tick);
  }
}
