/** Time that stands still until a test moves it. Timers of no delay run by themselves, as soon as I/O has had its turn. */
import type { Clock } from '../../../sidecar/snapshot/clock.ts';

interface Planned {
  at: number;
  task: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  readonly #epoch: number;
  readonly #planned = new Set<Planned>();

  constructor(epoch = Date.parse('2026-01-01T00:00:00Z')) {
    this.#epoch = epoch;
  }

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return this.#epoch + this.#now;
  }

  after(ms: number, task: () => void): { cancel(): void } {
    const planned = { at: this.#now + Math.max(0, ms), task };
    this.#planned.add(planned);
    if (ms <= 0) setImmediate(() => this.#fire(planned));
    return { cancel: () => this.#planned.delete(planned) };
  }

  /** Milliseconds until each planned timer, soonest first. */
  get waits(): number[] {
    return [...this.#planned].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Moves time on and runs, in order, everything that falls due. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#planned].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.at);
      this.#fire(due);
    }
    this.#now = end;
  }

  /** Moves time on from timer to timer, and lets what each one started come to rest before the next. */
  async pass(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.#now + ms;
    while (this.#now < end) {
      await settle();
      this.advance(Math.min(end - this.#now, this.waits[0] ?? Number.POSITIVE_INFINITY));
    }
    await settle();
  }

  #fire(planned: Planned): void {
    if (this.#planned.delete(planned)) planned.task();
  }
}

/** Beside the clock that stands still: real sockets need real time. */
export { until } from '../../support/until.ts';
