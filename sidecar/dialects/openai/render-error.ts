/** Our own errors as clients of the OpenAI API expect them. */
import type { OutriderError } from '../../../errors/table.ts';
import { errorHeaders } from '../error-headers.ts';
import { errorType } from './render-upstream-error.ts';

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
      type: errorType(error.status),
      param: typeof member === 'string' ? member : null,
      code: error.code,
    },
  };
}
