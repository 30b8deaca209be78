/** Ends a server without cutting anybody off who can still be served. */
import type { Listener } from './listener.ts';

/** How often idle connections are looked for: a keep-alive connection becomes idle when its last answer is out. */
const SWEEP_MS = 100;

/** What has to come to its end; resolves from `drain` when it has. */
export interface Draining {
  drain(): Promise<void>;
}

/** For ends that nothing should be able to hold up any more. */
const CUT_MS = 1_000;

/**
 * No new connections; what is open may go on for `limitMs` or until `cut` is aborted, then its connections are closed.
 * Resolves when nothing is left; true when nothing had to be cut.
 */
export async function drainListener(
  listener: Listener,
  work: Draining,
  limitMs: number,
  cut: AbortSignal,
): Promise<boolean> {
  const done = work.drain();
  listener.stopAccepting();
  const sweep = setInterval(() => listener.closeIdle(), SWEEP_MS);
  const whole = await Promise.race([done.then(() => true), over(limitMs, cut)]);
  clearInterval(sweep);
  await listener.close();
  await Promise.race([done, over(CUT_MS)]);
  return whole;
}

function over(ms: number, cut?: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    timer.unref();
    if (cut?.aborted) resolve(false);
    cut?.addEventListener('abort', () => resolve(false), { once: true });
  });
}
