/** So many at once, and so many in the long run. */
export class TokenBucket {
  readonly #size: number;
  readonly #perMs: number;
  #tokens: number;
  #at: number;

  /** @param now milliseconds of a monotonic clock, here and in `take` */
  constructor(size: number, perMinute: number, now: number) {
    this.#size = size;
    this.#perMs = perMinute / 60_000;
    this.#tokens = size;
    this.#at = now;
  }

  /** Whether there was one; then it is gone. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#size, this.#tokens + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
