/**
 * Requests that wait for a lease: the most important class first, within a class the oldest. Bounded, and nobody waits longer
 * than its deadline. Times are monotonic milliseconds.
 */
import type { SpendRefusal, SpendWaiter } from '../../dispatch/spend-gate.ts';
import type { Clock, Timer } from '../../snapshot/clock.ts';

interface Waiting {
  readonly waiter: SpendWaiter;
  refusal: SpendRefusal;
}

const MAX_WAITING = 1024;
/** Answers come sooner; one that brought nothing is asked for again. */
const LONGEST_MS = 100;
const SOONEST_MS = 5;

export class LeaseQueue {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #timer: Timer | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.length;
  }

  *refusals(): Generator<SpendRefusal> {
    for (const { refusal } of this.#waiting) yield refusal;
  }

  /** What ends its waiting; undefined: there are too many. */
  add(refusal: SpendRefusal, waiter: SpendWaiter): (() => void) | undefined {
    if (this.#waiting.length >= MAX_WAITING) return undefined;
    const one: Waiting = { waiter, refusal };
    const before = this.#waiting.findLastIndex(({ waiter: { priority } }) => priority <= waiter.priority);
    this.#waiting.splice(before + 1, 0, one);
    this.#schedule();
    return () => {
      this.#remove(one);
      this.#schedule();
    };
  }

  /** Something may have changed: everybody asks again. */
  pass(): void {
    const now = this.#clock.monotonic();
    for (const one of this.#waiting.slice()) {
      // Whoever was asked before may have made this one leave.
      if (!this.#waiting.includes(one)) continue;
      const { waiter } = one;
      if (now >= waiter.deadline) {
        this.#remove(one);
        waiter.gaveUp(one.refusal, now);
        continue;
      }
      const refusal = waiter.again(now);
      if (refusal === undefined) {
        this.#remove(one);
      } else {
        one.refusal = refusal;
        if (refusal.askAgainAt !== undefined && refusal.askAgainAt < waiter.deadline) continue;
        this.#remove(one);
        waiter.gaveUp(refusal, now);
      }
    }
    this.#schedule();
  }

  #remove(one: Waiting): void {
    const at = this.#waiting.indexOf(one);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const now = this.#clock.monotonic();
    let at = now + LONGEST_MS;
    for (const { waiter, refusal } of this.#waiting) {
      at = Math.min(at, waiter.deadline);
      if (refusal.askAgainAt !== undefined && refusal.askAgainAt > now) at = Math.min(at, refusal.askAgainAt);
    }
    this.#timer = this.#clock.after(Math.max(SOONEST_MS, Math.ceil(at - now)), () => this.pass());
  }
}
