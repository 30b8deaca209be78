/** Our own errors as clients of Google's APIs expect them: `{error: {code, message, status, details}}`. */
import type { OutriderError } from '../../../errors/table.ts';
import { errorHeaders } from '../error-headers.ts';

/** Words of `google.rpc.Code` by HTTP status, as Google's own mapping has them. */
const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  429: 'RESOURCE_EXHAUSTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

export function renderError(error: OutriderError): {
  status: number;
  headers: [string, string][];
  body: Buffer;
} {
  return { status: error.status, headers: errorHeaders(error), body: Buffer.from(ours(error)) };
}

/** The last event of a stream that broke. */
export function renderStreamError(error: OutriderError): Buffer {
  return Buffer.from(`data: ${ours(error)}\r\n\r\n`);
}

function ours(error: OutriderError): string {
  const { status, message, code, retryable, retryAfterMs } = error;
  const wait = retryable ? retryAfterMs : undefined;
  return JSON.stringify({
    error: {
      code: status,
      message,
      status: STATUSES[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'),
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: code.toUpperCase(),
          domain: 'outrider.dev',
        },
        ...(wait === undefined
          ? []
          : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${wait / 1000}s` }]),
      ],
    },
  });
}
