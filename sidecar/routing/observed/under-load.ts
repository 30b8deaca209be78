/**
 * How much longer answers take for each request that is under way beside them, as seen in this pod: a line through pairs of
 * requests under way and milliseconds, each pair counting half as much twenty seconds later. It is believed only as far as
 * chance does not explain it, so a target whose speed does not depend on load has none.
 */

const HALF_LIFE_MS = 20_000;
/** Below so much weight a line says nothing. */
const ENOUGH = 8;
/** Standard errors that a slope is held to be too steep by. */
const DOUBT = 2;

export class UnderLoad {
  #weight = 0;
  #at = Number.NEGATIVE_INFINITY;
  #beside = 0;
  #ms = 0;
  /** Means of products of what they are off by. */
  #besideSquared = 0;
  #msSquared = 0;
  #both = 0;

  observe(beside: number, ms: number, now: number): void {
    const before = this.#weight === 0 ? 0 : this.#weight * 2 ** (-Math.max(0, now - this.#at) / HALF_LIFE_MS);
    this.#weight = before + 1;
    this.#at = now;
    const share = 1 / this.#weight;
    const offBeside = beside - this.#beside;
    const offMs = ms - this.#ms;
    this.#beside += share * offBeside;
    this.#ms += share * offMs;
    const rest = 1 - share;
    this.#besideSquared = rest * (this.#besideSquared + share * offBeside * offBeside);
    this.#msSquared = rest * (this.#msSquared + share * offMs * offMs);
    this.#both = rest * (this.#both + share * offBeside * offMs);
  }

  /** Milliseconds that one more request under way costs, at the least; never below 0. */
  get msEach(): number {
    if (this.#weight < ENOUGH || this.#besideSquared < 0.1) return 0;
    const slope = this.#both / this.#besideSquared;
    if (slope <= 0) return 0;
    const unexplained = Math.max(0, this.#msSquared - slope * this.#both);
    return Math.max(0, slope - DOUBT * Math.sqrt(unexplained / (this.#besideSquared * this.#weight)));
  }
}
