/**
 * A mean that forgets: each observation counts half as much ten seconds later. Between two observations nothing changes but
 * how much the next one counts.
 *
 * Decay alone is slow where observations are rare, as they are of a target that is only tried now and then. So a change is
 * also looked for: observations whose logarithm is far from the mean, in the same direction and one after another (a
 * cumulative sum, at most two a step, so that it takes three of them at least). Then what was known before is dropped.
 */

const HALF_LIFE_MS = 10_000;
/** Below so much weight a deviation says nothing. */
const ENOUGH = 2;
/** Of logarithms: less spread than this is taken for chance. */
const LEAST_DEVIATION = 0.15;
const FIRST_DEVIATION = 0.3;
/** In deviations: the most that one observation counts, and what every one must be off to count at all. */
const MOST = 3;
const SLACK = 1;
const ALARM = 5;

/** Observations on one side of the mean, one after another. */
interface Run {
  evidence: number;
  count: number;
  sum: number;
}

const noRun = (): Run => ({ evidence: 0, count: 0, sum: 0 });

export class Decayed {
  /** NaN before the first observation. */
  mean = Number.NaN;
  /** When the last observation came. */
  at = Number.NEGATIVE_INFINITY;
  /** Observations behind the mean, as of `at`. */
  #weight = 0;
  #logMean = 0;
  #logVariance = FIRST_DEVIATION ** 2;
  /** What deviations are from, as a mean and as one of logarithms, and one of them. */
  #before = Number.NaN;
  #base = 0;
  #deviation = FIRST_DEVIATION;
  /** From here on an observation counts as much as any can. */
  #farAbove = Number.POSITIVE_INFINITY;
  #rising = noRun();
  #falling = noRun();

  get known(): boolean {
    return this.#weight > 0;
  }

  /** What lately came in below the mean, without being believed yet; undefined where the last did not. */
  get falling(): number | undefined {
    const { count, sum } = this.#falling;
    return count === 0 ? undefined : sum / count;
  }

  /** How many observations the mean is worth now. */
  weight(now: number): number {
    return this.#weight === 0 ? 0 : this.#weight * decay(now - this.at);
  }

  /** `value` is above 0. Gives by how much the mean jumped where a change was found; 1 otherwise. */
  observe(value: number, now: number): number {
    const log = Math.log(value);
    const weight = this.weight(now);
    // A run is judged by what was believed when it began: it must not excuse itself.
    if (this.#rising.count + this.#falling.count === 0) this.#settle();
    const off = this.#off(log);
    this.at = now;
    if (weight >= ENOUGH) {
      follow(this.#rising, off, value);
      follow(this.#falling, -off, value);
      const found = this.#rising.evidence > ALARM ? this.#rising : this.#falling;
      if (found.evidence > ALARM) {
        const before = this.#before;
        this.#restart(found.sum / found.count, found.count);
        return this.mean / before;
      }
    }
    if (this.#weight === 0) {
      this.mean = value;
      this.#logMean = log;
      this.#weight = 1;
      this.#settle();
      return 1;
    }
    const held = off * this.#deviation;
    this.#weight = weight + 1;
    const share = 1 / this.#weight;
    const logOff = log - this.#logMean;
    this.mean += share * (value - this.mean);
    this.#logMean += share * logOff;
    // Held to what counts: a change must not pass for spread, or the way back would not stand out.
    this.#logVariance += share * (held * held - this.#logVariance);
    return 1;
  }

  /** A sibling changed by a factor: what is known here is taken to have changed too, until it is seen. */
  shift(factor: number): void {
    if (this.#weight === 0) return;
    this.#restart(this.mean * factor, Math.min(this.#weight, ENOUGH));
  }

  /** Evidence, in the sum's own measure, that a value which is at least so large does not belong to the mean. */
  excess(atLeast: number): number {
    if (atLeast >= this.#farAbove) return MOST - SLACK;
    return atLeast <= this.mean ? 0 : Math.max(0, this.#off(Math.log(atLeast)) - SLACK);
  }

  /** Whether so much more evidence of a rise would be believed. */
  believes(excess: number): boolean {
    return this.#rising.evidence + excess > ALARM;
  }

  #settle(): void {
    this.#before = this.mean;
    this.#base = this.#logMean;
    this.#deviation = Math.max(LEAST_DEVIATION, Math.sqrt(this.#logVariance));
    this.#farAbove = Math.exp(this.#base + MOST * this.#deviation);
  }

  /** In deviations, held to what one observation counts at the most. */
  #off(log: number): number {
    return Math.max(-MOST, Math.min(MOST, (log - this.#base) / this.#deviation));
  }

  #restart(mean: number, weight: number): void {
    this.mean = mean;
    this.#weight = weight;
    this.#logMean = Math.log(mean);
    clear(this.#rising);
    clear(this.#falling);
    this.#settle();
  }
}

const decay = (ms: number): number => 2 ** (-Math.max(0, ms) / HALF_LIFE_MS);

function follow(run: Run, off: number, value: number): void {
  run.evidence += off - SLACK;
  if (run.evidence <= 0) {
    if (run.count > 0) clear(run);
    else run.evidence = 0;
    return;
  }
  run.count++;
  run.sum += value;
}

function clear(run: Run): void {
  run.evidence = 0;
  run.count = 0;
  run.sum = 0;
}
