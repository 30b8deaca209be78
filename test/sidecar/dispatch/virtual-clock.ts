/** A clock that moves when told to; timers fire in order of their time. */
import type { Clock, Timer } from '../../../sidecar/snapshot/clock.ts';
import { PATIENCE_MS } from '../../support/until.ts';

export class VirtualClock implements Clock {
  now = 1_000_000;
  readonly #timers = new Set<{ at: number; task: () => void }>();

  monotonic(): number {
    return this.now;
  }

  wall(): number {
    return 1_780_000_000_000 + this.now;
  }

  after(ms: number, task: () => void): Timer {
    const timer = { at: this.now + ms, task };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      let next: { at: number; task: () => void } | undefined;
      for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
      if (!next) break;
      this.#timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.task();
    }
    this.now = end;
  }
}

/** Lets time pass, a second at a time, until `done`: for failures that only time can bring about. */
export async function pass(clock: VirtualClock, done: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!done()) {
    if (performance.now() > end) throw new Error('nothing came of it, however late it got');
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (!done()) clock.advance(1000);
  }
}
