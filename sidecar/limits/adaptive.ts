/**
 * How many calls may be under way at once, learned from how long answers take to begin.
 *
 * A gradient: while answers begin as soon as they used to, the limit grows by a step about the size of its square root; as they
 * take longer, it shrinks in proportion, at most by half each time. An answer that says the provider is overloaded takes a tenth
 * off. Times to begin are compared with those of their own kind, since a streamed answer begins earlier than a whole one. Pure:
 * times are arguments, in monotonic milliseconds.
 */

export interface AdaptiveBounds {
  readonly min: number;
  readonly initial: number;
  readonly max: number;
}

/** What is compared with what: streamed answers begin with their first token, others are there when they are whole. */
export type AnswerKind = 'Streamed' | 'Whole';

/** Answers between two changes, at least. */
const MIN_SAMPLES = 8;
/** As much slower than usual is no sign of a queue. */
const TOLERANCE = 1.5;
/** Share of what is new in a change of the limit. */
const SMOOTHING = 0.2;
/** Share of a sample in what is usual: it follows a provider that has become another one, over some hundred answers. */
const BASELINE_WEIGHT = 0.005;
/** The first answers have to say quickly what is usual. */
const WARM_UP = 20;
const BACKOFF = 0.9;
/** Overload is counted once in this time: calls that were under way together fail together. */
const BACKOFF_EVERY_MS = 1000;

interface Baseline {
  usual: number;
  samples: number;
}

export class AdaptiveLimit {
  readonly #bounds: AdaptiveBounds;
  readonly #baselines = new Map<AnswerKind, Baseline>();
  #limit: number;
  #ratios = 0;
  #samples = 0;
  /** Most calls under way since the last change. */
  #most = 0;
  #backedOffAt = Number.NEGATIVE_INFINITY;

  constructor(bounds: AdaptiveBounds) {
    this.#bounds = bounds;
    this.#limit = bounds.initial;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** An answer began `ms` after its attempt; `inFlight` calls were under way, this one included. */
  began(kind: AnswerKind, ms: number, inFlight: number): void {
    const baseline = this.#baselines.get(kind) ?? { usual: ms, samples: 0 };
    this.#baselines.set(kind, baseline);
    const ratio = ms / Math.max(1, baseline.usual);
    const weight = Math.max(BASELINE_WEIGHT, 1 / (1 + Math.min(baseline.samples, WARM_UP) * 4));
    // What is quicker than usual is the better measure of a provider that has nothing to do.
    baseline.usual += (ms - baseline.usual) * (ms < baseline.usual ? Math.max(weight, 0.1) : weight);
    baseline.samples++;
    this.#ratios += ratio;
    this.#samples++;
    this.#most = Math.max(this.#most, inFlight);
    if (this.#samples >= Math.max(MIN_SAMPLES, Math.sqrt(this.#limit))) this.#change();
  }

  /** The provider said that it has too much to do, or did not answer in time. */
  overloaded(now: number): void {
    if (now - this.#backedOffAt < BACKOFF_EVERY_MS) return;
    this.#backedOffAt = now;
    this.#set(this.#limit * BACKOFF);
  }

  #change(): void {
    const slower = this.#ratios / this.#samples;
    const gradient = Math.min(1, Math.max(0.5, TOLERANCE / slower));
    const room = gradient < 1 ? 0 : Math.sqrt(this.#limit);
    // A limit that is not reached says nothing about whether more would do.
    const wanted =
      this.#most * 2 < this.#limit && gradient === 1 ? this.#limit : this.#limit * gradient + room;
    this.#set(this.#limit + (wanted - this.#limit) * SMOOTHING);
    this.#ratios = 0;
    this.#samples = 0;
    this.#most = 0;
  }

  #set(limit: number): void {
    this.#limit = Math.min(this.#bounds.max, Math.max(this.#bounds.min, limit));
  }
}
