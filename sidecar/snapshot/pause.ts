/** A wait that can be cut short: by news that makes waiting pointless, or for good at the end. */
import type { Clock, Timer } from './clock.ts';

export class Pause {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `ms`, or when woken. One wait at a time. */
  wait(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.#wake = () => {
        this.#wake = undefined;
        timer?.cancel();
        resolve();
      };
      timer = this.#clock.after(ms, this.#wake);
    });
  }

  wake(): void {
    this.#wake?.();
  }

  /** Ends the wait under way and every later one. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
