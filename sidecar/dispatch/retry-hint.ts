/** What a caller's SDK is told about trying again, once we have given up. */
import type { Candidate, Ejection } from '../routing/plan.ts';

/** SDKs ignore longer waits and retry on their own clock. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Milliseconds after which a candidate of the plan is open again; undefined when that is not known or not soon. As long
 * as one is open now and failed all the same, there is no deadline to wait for.
 */
export function opensIn(
  candidates: readonly Candidate[],
  ejection: (candidate: Candidate) => Ejection | undefined,
  now: number,
): number | undefined {
  let soonest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const found = ejection(candidate);
    if (found === undefined) return undefined;
    // Time heals no key: that its ejection ends is no promise that it works again.
    if (found.scope === 'Credential') continue;
    soonest = Math.min(soonest, found.until - now);
  }
  return soonest <= LONGEST_WAIT_MS ? Math.max(1, Math.ceil(soonest)) : undefined;
}

/** Our retries and the SDK's must not multiply. */
export function retryHeaders(waitMs: number | undefined): string[] {
  if (waitMs === undefined) return ['x-should-retry', 'false'];
  return [
    'x-should-retry',
    'true',
    'retry-after-ms',
    String(waitMs),
    'retry-after',
    String(Math.max(1, Math.ceil(waitMs / 1000))),
  ];
}
