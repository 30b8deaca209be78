/** Our own errors as clients of the OpenAI API expect them. */
import type { OutriderError } from '../../../errors/table.ts';

/** Beyond this a client should not be told to wait: SDKs ignore longer waits and retry on their own clock. */
const LONGEST_WAIT_MS = 60_000;

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
};

/**
 * `x-should-retry` is true only when a known deadline ends soon; everything else that failed here has already been tried
 * as often as it makes sense, or would fail again.
 */
export function renderError(error: OutriderError): {
  status: number;
  headers: [string, string][];
  body: Buffer;
} {
  const headers: [string, string][] = [['content-type', 'application/json']];
  const wait = error.retryable ? error.retryAfterMs : undefined;
  if (wait !== undefined) {
    headers.push(['retry-after', String(Math.max(1, Math.ceil(wait / 1000)))]);
    if (wait <= LONGEST_WAIT_MS) headers.push(['retry-after-ms', String(Math.max(1, Math.ceil(wait)))]);
  }
  headers.push(['x-should-retry', wait !== undefined && wait <= LONGEST_WAIT_MS ? 'true' : 'false']);
  return { status: error.status, headers, body: Buffer.from(JSON.stringify(errorObject(error))) };
}

/** The last event of a stream that broke: OpenAI's clients raise an error when they read it. */
export function renderStreamError(error: OutriderError): Buffer {
  return Buffer.from(`data: ${JSON.stringify(errorObject(error))}\n\n`);
}

function errorObject(error: OutriderError) {
  const { member } = error.params;
  return {
    error: {
      message: error.message,
      type: TYPES[error.status] ?? (error.status < 500 ? 'invalid_request_error' : 'server_error'),
      param: typeof member === 'string' ? member : null,
      code: error.code,
    },
  };
}
