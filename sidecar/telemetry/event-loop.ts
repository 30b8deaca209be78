/** Delay of the event loop. Measuring wakes the process up all the time, so it starts with the first question. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;

export class EventLoopDelay {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** 99th percentile in seconds since the call before; undefined at the first. */
  p99(): number | undefined {
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      return undefined;
    }
    // The histogram holds intervals, which are the delay and the resolution together.
    const seconds = this.#histogram.percentile(99) / 1e9 - RESOLUTION_MS / 1000;
    const counted = this.#histogram.count > 0;
    this.#histogram.reset();
    return counted ? Math.max(0, seconds) : 0;
  }

  stop(): void {
    this.#histogram?.disable();
  }
}
