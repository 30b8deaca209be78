/** Headers of our own error answers, the same for every dialect: the SDKs of all vendors read them. */
import type { OutriderError } from '../../errors/table.ts';

/** Beyond this a client should not be told to wait: SDKs ignore longer waits and retry on their own clock. */
const LONGEST_WAIT_MS = 60_000;

/**
 * `x-should-retry` is true only when a known deadline ends soon; everything else that failed here has already been tried
 * as often as it makes sense, or would fail again.
 */
export function errorHeaders(error: OutriderError): [string, string][] {
  const headers: [string, string][] = [['content-type', 'application/json']];
  const wait = error.retryAfterMs;
  if (wait !== undefined) {
    headers.push(['retry-after', String(Math.max(1, Math.ceil(wait / 1000)))]);
    if (wait <= LONGEST_WAIT_MS) headers.push(['retry-after-ms', String(Math.max(1, Math.ceil(wait)))]);
  }
  const soon = wait !== undefined && wait <= LONGEST_WAIT_MS;
  headers.push(['x-should-retry', error.retryable && soon ? 'true' : 'false']);
  return headers;
}
