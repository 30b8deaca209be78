/**
 * A target that takes requests and answers nobody. One late answer says nothing; several that are all late, while not one has
 * come since they began, say that nothing is coming. Pure: time is an argument.
 */

/** What takes so much longer than 99 in 100 did is late. */
const TIMES_P99 = 2;
/** Or so much longer than any of the last few: who has just been seen to be slow is not silent. */
const TIMES_SLOWEST = 2;
/** Few: among thousands there is always one that took long. */
const LAST = 8;
/** Below this, a pause of the network or of our own would be taken for silence. */
const LEAST_MS = 500;
/** Late ones that were noted so long ago are no part of what happens now, as long as it was not left for them: ejections last longer. */
const FORGET_MS = 60_000;
/** Whoever looks whether it is back is given so many times as long, by turns, or what has only become slower would never be seen again. */
const PATIENCE = [1, 4, 8] as const;

/** Of one model at one provider. */
export class Hush {
  #heardAt = Number.NEGATIVE_INFINITY;
  readonly #last = new Float64Array(LAST);
  #answers = 0;
  #late = 0;
  #lateAt = Number.NEGATIVE_INFINITY;
  #patience = 0;
  #leftAt = Number.NEGATIVE_INFINITY;

  /** The last answer to anybody. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** An answer began or failed; `tookMs`: how long the attempt had waited for it, 0 where that is not to count. */
  heard(now: number, tookMs: number): void {
    this.#heardAt = now;
    this.#late = 0;
    this.#patience = 0;
    if (tookMs > 0) this.#last[this.#answers++ % LAST] = tookMs;
  }

  /** How long an attempt may hear nothing, by the 99th percentile of the time to commit. */
  lateAfterMs(p99: number): number {
    let slowest = 0;
    for (const ms of this.#last) slowest = Math.max(slowest, ms * TIMES_SLOWEST);
    return Math.max(LEAST_MS, Math.ceil(p99 * TIMES_P99), slowest) * (PATIENCE[this.#patience] ?? 1);
  }

  /** Another attempt is late; gives how many are, since anything was heard. */
  late(now: number): number {
    if (now - this.#lateAt > FORGET_MS && this.#patience === 0) this.#late = 0;
    this.#lateAt = now;
    return ++this.#late;
  }

  /** An attempt that began then has been taken away. */
  left(startedAt: number, now: number): void {
    if (startedAt <= this.#leftAt) return;
    this.#leftAt = now;
    this.#patience = Math.min(PATIENCE.length - 1, this.#patience + 1);
  }

  get lateOnes(): number {
    return this.#late;
  }
}

export interface ListenOptions {
  readonly hush: Hush;
  readonly startedAt: number;
  readonly lateAfterMs: number;
  /** Late ones that are silence. */
  readonly enough: number;
  /** Whether another target could take over now. */
  readonly mayLeave: () => boolean;
  /** The target is silent: nobody else should go there. */
  readonly silent: (why: string, now: number) => void;
}

/** One attempt that waits, looked at from time to time. */
export class Listening {
  /** When to look next. */
  nextAt: number;
  readonly #options: ListenOptions;
  /** Nothing had been heard since when, the last time that it looked late. */
  #lateSince = Number.NaN;
  #counted = false;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.nextAt = options.startedAt + options.lateAfterMs;
  }

  get said(): string {
    return `silence ${Math.round(this.#options.lateAfterMs)}ms`;
  }

  /** Whether to leave. */
  look(now: number): boolean {
    const { hush, startedAt, lateAfterMs, enough } = this.#options;
    const since = Math.max(startedAt, hush.heardAt);
    if (now - since < lateAfterMs) {
      this.nextAt = since + lateAfterMs;
      return false;
    }
    // With the next tick of deadlines.
    this.nextAt = now + 1;
    // Looked at twice: where this process stood still, what has come meanwhile is read in between.
    if (this.#lateSince !== since) {
      this.#lateSince = since;
      this.#counted = false;
      return false;
    }
    const late = this.#counted ? hush.lateOnes : hush.late(now);
    this.#counted = true;
    if (late < enough || !this.#options.mayLeave()) return false;
    hush.left(startedAt, now);
    this.#options.silent(`${late} calls have heard nothing for ${Math.round(lateAfterMs)} ms or more`, now);
    return true;
  }
}
