/** Errors as clients of the Messages API expect them: our own, and those of vendors that speak another dialect. */
import type { OutriderError } from '../../../errors/table.ts';
import type { UpstreamError } from '../dialect.ts';
import { errorHeaders } from '../error-headers.ts';
import { statusOf, typeOf } from './error-types.ts';

export function renderError(error: OutriderError): {
  status: number;
  headers: [string, string][];
  body: Buffer;
} {
  return { status: error.status, headers: errorHeaders(error), body: Buffer.from(ours(error)) };
}

/** The last event of a stream that broke: clients raise an error when they read it. */
export function renderStreamError(error: OutriderError): Buffer {
  return Buffer.from(`event: error\ndata: ${ours(error)}\n\n`);
}

/** A vendor's word is kept where this API has it too. */
export function renderUpstreamError(error: UpstreamError, status: number): Buffer {
  const type = statusOf(error.type) === undefined ? typeOf(status) : error.type;
  return Buffer.from(JSON.stringify({ type: 'error', error: { type, message: error.message } }));
}

/** At this its clients send the conversation whole, where they may. */
const WITHOUT_THREADS = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };

function ours(error: OutriderError): string {
  const { id, dispensable } = error.params;
  const details = dispensable === 'thread' && { details: WITHOUT_THREADS };
  return JSON.stringify({
    type: 'error',
    error: { type: typeOf(error.status), message: error.message, code: error.code, ...details },
    ...(typeof id === 'string' && { request_id: id }),
  });
}
