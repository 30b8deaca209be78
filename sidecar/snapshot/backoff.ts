/** Full jitter: a crowd that lost its server comes back spread over the whole wait, not in step. */
export interface Backoff {
  baseMs: number;
  maxMs: number;
}

/** Milliseconds to wait after `failures` (at least 1) in a row; `random` is in [0, 1). */
export function jittered({ baseMs, maxMs }: Backoff, failures: number, random: number): number {
  return random * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
}
