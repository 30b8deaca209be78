/**
 * How long a caller may wait before it sees the first byte, and how that time is shared among the attempts.
 *
 * The caller's own SDK gives up after its timeout and would then retry what we are still working on; and whatever
 * stands between caller and sidecar seldom waits longer than MAX_BEFORE_COMMIT_MS.
 */

const MAX_BEFORE_COMMIT_MS = 240_000;
/** Our answer must still travel before the SDK gives up. */
const SDK_MARGIN = 0.05;
const MAX_SDK_MARGIN_MS = 1000;

/** Milliseconds before commit for the whole request. */
export function timeBeforeCommit(requestMs: number, sdkTimeoutHeader: string | undefined): number {
  const limit = Math.min(requestMs, MAX_BEFORE_COMMIT_MS);
  const sdk = sdkTimeoutMs(sdkTimeoutHeader);
  return sdk === undefined ? limit : Math.min(limit, sdk - Math.min(sdk * SDK_MARGIN, MAX_SDK_MARGIN_MS));
}

/**
 * The share of the remaining time that the next attempt may use. With n attempts still possible their shares are as
 * n : n-1 : ... : 1, so the preferred target gets the most and the last one is never left with nothing.
 */
export function shareOfTime(remainingMs: number, attemptsPossible: number): number {
  return attemptsPossible <= 1 ? remainingMs : (remainingMs * 2) / (attemptsPossible + 1);
}

/** `x-stainless-timeout` is in seconds, whole or not; some SDKs write words when there is none. */
function sdkTimeoutMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,9}(\.\d{1,9})?$/.test(header)) return undefined;
  const ms = Number(header) * 1000;
  return ms > 0 ? ms : undefined;
}
