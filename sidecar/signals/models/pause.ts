/**
 * Keeps requests from waiting for a model that does not answer: after some failures in a row nobody is asked for a while,
 * then one request asks for all. A provider's breaker does not do it: that somebody here was impatient says nothing of it.
 */

const FAILURES = 3;
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

export class Pause {
  #failures = 0;
  #until = 0;

  /** Milliseconds for which nobody should ask; 0: ask. Whoever is told 0 after a pause is the one that tries. */
  left(now: number): number {
    if (this.#failures < FAILURES) return 0;
    if (now < this.#until) return this.#until - now;
    this.#until = now + this.#length();
    return 0;
  }

  failed(now: number): void {
    this.#failures++;
    if (this.#failures >= FAILURES) this.#until = now + this.#length();
  }

  answered(): void {
    this.#failures = 0;
  }

  #length(): number {
    return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures - FAILURES, 10));
  }
}
