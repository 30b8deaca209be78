/**
 * How long something takes, as a histogram that forgets: 640 bytes, whatever comes. Buckets are an eighth of an octave
 * wide, from 1 ms to 17 minutes, so a quantile is right to within 9 %. Pure: time is an argument.
 */

const PER_OCTAVE = 8;
const BUCKETS = 20 * PER_OCTAVE;
/** Milliseconds after which an observation weighs half. */
const HALF_LIFE_MS = 300_000;
/** Forgetting is caught up with in steps of this: a scale factor per observation would cost more than it tells. */
const STEP_MS = 5000;

export class Quantiles {
  readonly #weights = new Float32Array(BUCKETS);
  #total = 0;
  #agedAt = Number.NaN;

  /** Observations, each by what it weighs now. */
  get weight(): number {
    return this.#total;
  }

  observe(value: number, now: number): void {
    this.#age(now);
    this.#weights[bucketOf(value)]! += 1;
    this.#total += 1;
  }

  /**
   * It was cut short: all that is known is that it would have taken longer. It counts as the longer ones do on average, or
   * for what it lasted where there were none. Left out, what is slow would never be seen to be.
   */
  observeAtLeast(value: number, now: number, weight = 1): void {
    this.#age(now);
    const at = bucketOf(value);
    let above = 0;
    for (let i = at + 1; i < BUCKETS; i++) above += this.#weights[i]!;
    if (above < 0.5) this.#weights[at]! += weight;
    else for (let i = at + 1; i < BUCKETS; i++) this.#weights[i]! *= 1 + weight / above;
    this.#total += weight;
  }

  /** `share` in (0, 1). Undefined with fewer observations than can tell. */
  quantile(share: number, now: number): number | undefined {
    this.#age(now);
    if (this.#total < leastFor(share)) return undefined;
    const wanted = share * this.#total;
    let below = 0;
    let last = 0;
    for (let i = 0; i < BUCKETS; i++) {
      const weight = this.#weights[i]!;
      if (weight === 0) continue;
      last = i;
      if (below + weight >= wanted) return edge(i + (wanted - below) / weight);
      below += weight;
    }
    return edge(last + 1);
  }

  #age(now: number): void {
    if (Number.isNaN(this.#agedAt)) this.#agedAt = now;
    const passed = now - this.#agedAt;
    if (passed < STEP_MS) return;
    const kept = 2 ** (-passed / HALF_LIFE_MS);
    let total = 0;
    for (let i = 0; i < BUCKETS; i++) total += this.#weights[i]! *= kept;
    this.#total = total;
    this.#agedAt = now;
  }
}

/** Two observations beyond the quantile, and twenty at all: 40 for p95, 200 for p99. */
export const leastFor = (share: number): number => Math.max(20, Math.ceil(2 / (1 - share) - 1e-9));

const bucketOf = (value: number): number =>
  value <= 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(value) * PER_OCTAVE));

const edge = (bucket: number): number => 2 ** (bucket / PER_OCTAVE);
