/** Waits between attempts at the same provider. */

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Full jitter: anything between nothing and the doubled base, so that callers which failed together do not come back
 * together. `random` is in [0, 1); `retries` counts the attempts at this provider that already failed, from 1.
 */
export function backoffMs(backoff: Backoff, retries: number, random: number): number {
  const ceiling = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(retries - 1, 30));
  return Math.floor(random * ceiling);
}
