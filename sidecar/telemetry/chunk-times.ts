/**
 * The pauses between the pieces of output of one stream, as a histogram: a stream has thousands of them, and what is kept
 * of them must not grow. Buckets are those that the conventions advise for durations of calls.
 */

/** Upper bounds in seconds, ascending. */
export const CALL_SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
] as const;

export class ChunkTimes {
  /** By bucket, those beyond the last bound at the end. */
  readonly counts: number[] = Array.from({ length: CALL_SECONDS.length + 1 }, () => 0);
  /** Seconds in all. */
  sum = 0;
  #before = Number.NaN;

  /** Output came, at `now` in monotonic milliseconds. The first piece has no pause before it. */
  chunk(now: number): void {
    const seconds = (now - this.#before) / 1000;
    this.#before = now;
    if (Number.isNaN(seconds)) return;
    let i = 0;
    while (i < CALL_SECONDS.length && seconds > (CALL_SECONDS[i] as number)) i++;
    (this.counts[i] as number)++;
    this.sum += seconds;
  }
}
