import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';

/**
 * Turns a burst into one call: `quietMs` after its last signal, but no later than `maxMs` after its first, so that a stream
 * of signals delays the call and never prevents it.
 */
export class Debounce {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #maxMs: number;
  readonly #run: () => void;
  #firstAt: number | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, { quietMs, maxMs }: { quietMs: number; maxMs: number }, run: () => void) {
    this.#clock = clock;
    this.#quietMs = quietMs;
    this.#maxMs = maxMs;
    this.#run = run;
  }

  signal(): void {
    const now = this.#clock.monotonic();
    this.#firstAt ??= now;
    this.#timer?.cancel();
    const wait = Math.max(0, Math.min(this.#quietMs, this.#firstAt + this.#maxMs - now));
    this.#timer = this.#clock.after(wait, () => {
      this.#firstAt = undefined;
      this.#timer = undefined;
      this.#run();
    });
  }

  /** Forgets signals that have not led to a call yet. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#firstAt = undefined;
  }
}
