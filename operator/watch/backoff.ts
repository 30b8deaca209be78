/** Waits between attempts: exponential with full jitter, so that a crowd of clients spreads out instead of marching in step. */
export interface Backoff {
  baseMs: number;
  maxMs: number;
}

/** Milliseconds before the retry that follows `failures` failures in a row (1 or more); `random` is in [0, 1). */
export function backoffDelay({ baseMs, maxMs }: Backoff, failures: number, random: () => number): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}
