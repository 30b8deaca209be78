/** Waits for what real sockets, files and processes bring about. */
import { setTimeout as delay } from 'node:timers/promises';

/** Against hangs alone: how long a busy machine takes is no news about what is tested. */
export const PATIENCE_MS = 40_000;

/** Polls until `check` holds, less and less often. @param what for the message where it never does */
export async function until(check: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const start = performance.now();
  while (!(await check())) {
    const waited = performance.now() - start;
    if (waited > PATIENCE_MS) throw new Error(`${what} did not come true within ${PATIENCE_MS} ms`);
    await delay(Math.min(50, 2 + waited / 50));
  }
}
