/** A number of samples and the sum of their scores, each 0 to 1, that fade with time. */
export interface Tally {
  n: number;
  sum: number;
  /** Time of the last change, in monotonic milliseconds. */
  at: number;
}

export function decayed({ n, sum, at }: Tally, now: number, halfLifeMs: number): { n: number; sum: number } {
  const left = now > at ? 2 ** ((at - now) / halfLifeMs) : 1;
  return { n: n * left, sum: sum * left };
}

/** The same mean with at most so many samples; nothing where there is less than nothing. */
export function within({ n, sum }: { n: number; sum: number }, most: number): { n: number; sum: number } {
  if (!(n > 0)) return { n: 0, sum: 0 };
  const kept = Math.min(n, most);
  return { n: kept, sum: (Math.min(n, Math.max(0, sum)) * kept) / n };
}
