/** Our own errors as clients of the OpenAI API expect them. */
import type { OutriderError } from '../../../errors/table.ts';
import { errorHeaders } from '../error-headers.ts';

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
};

export function renderError(error: OutriderError): {
  status: number;
  headers: [string, string][];
  body: Buffer;
} {
  const body = Buffer.from(JSON.stringify(errorObject(error)));
  return { status: error.status, headers: errorHeaders(error), body };
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
