/** Waiting for what other machines do: looks again and again until it holds, or the time is over. */
import { setTimeout as delay } from 'node:timers/promises';

const BETWEEN_MS = 250;

/**
 * Resolves with what `look` gives once it neither throws nor gives undefined or false. After `withinMs` it throws, with `what` and
 * the last reason.
 */
export async function eventually<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined | false>,
  betweenMs = BETWEEN_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let last: unknown = 'not yet';
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${withinMs / 1000} s`, { cause: last });
    await delay(betweenMs);
  }
}
