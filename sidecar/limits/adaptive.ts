/**
 * How many calls may be under way at once, learned from how long answers take to begin.
 *
 * A gradient: while answers begin as soon as they used to, the limit grows by a part of its square root; as they take longer, it
 * shrinks in proportion, at most by a quarter each time. An answer that says the provider is overloaded takes a tenth off. Times to begin are compared with those of their own kind, since a streamed answer begins earlier than a whole one. Pure:
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
/** One answer counts as no more than so many times slower: it may have had its own reasons. */
const SLOWEST = 4;
/** Share of what is new in a change of the limit, up and down. */
const UP = 0.2;
const DOWN = 0.5;
/** Share of what is new in what is usual. */
const USUAL = 0.1;
const BACKOFF = 0.9;
/** Overload is counted once in this time: calls that were under way together fail together. */
const BACKOFF_EVERY_MS = 1000;

/** Answers of one kind since the last change, and what is usual for them. */
interface Kind {
  usual: number | undefined;
  sum: number;
  count: number;
}

export class AdaptiveLimit {
  readonly #bounds: AdaptiveBounds;
  readonly #kinds: Record<AnswerKind, Kind> = { Streamed: nothing(), Whole: nothing() };
  #limit: number;
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
    const of = this.#kinds[kind];
    of.sum += of.usual === undefined ? ms : Math.min(ms, of.usual * SLOWEST);
    of.count++;
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
    // A limit that is not reached says nothing about whether more would do.
    const reached = this.#most * 2 > this.#limit;
    const slower = this.#slower(reached);
    const gradient = Math.min(1, Math.max(0.5, TOLERANCE / slower));
    if (gradient < 1) this.#set(this.#limit * (1 - DOWN * (1 - gradient)));
    else if (reached) this.#set(this.#limit + UP * Math.sqrt(this.#limit));
    this.#samples = 0;
    this.#most = 0;
  }

  /**
   * How much slower than usual the answers were. What is usual is learned where few calls are under way, or the limit is as low
   * as it may be: then it is not our calls that make the provider slow. Under load only what is quicker than usual counts, or a
   * queue would become usual.
   */
  #slower(reached: boolean): number {
    let ratios = 0;
    for (const kind of [this.#kinds.Streamed, this.#kinds.Whole]) {
      if (kind.count === 0) continue;
      const mean = Math.max(1, kind.sum / kind.count);
      kind.usual ??= mean;
      ratios += (mean / kind.usual) * kind.count;
      const quiet = !reached || this.#limit <= this.#bounds.min;
      if (quiet || mean < kind.usual) kind.usual += (mean - kind.usual) * USUAL;
      kind.sum = 0;
      kind.count = 0;
    }
    return ratios / this.#samples;
  }

  #set(limit: number): void {
    this.#limit = Math.min(this.#bounds.max, Math.max(this.#bounds.min, limit));
  }
}

const nothing = (): Kind => ({ usual: undefined, sum: 0, count: 0 });
