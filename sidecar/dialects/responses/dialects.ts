/** OpenAI Responses as a wire format. */
import type { OutriderError } from '../../../errors/table.ts';
import type { CompleteReading, Dialect } from '../dialect.ts';
import { renderError } from '../openai/render-error.ts';
import { readErrorBody } from '../openai/upstream-error.ts';
import { readUsage } from '../openai/usage.ts';
import { readResponsesRequest } from './request.ts';
import { scanResponseEvent } from './response-scan.ts';
import { failed, finishReason, ResponsesStreamReader } from './stream-reader.ts';

export const OPENAI_RESPONSES: Dialect = {
  name: 'openai-responses',
  operation: 'chat',
  upstreamPath: '/responses',
  readRequest: readResponsesRequest,
  openStream: () => new ResponsesStreamReader(),
  readComplete,
  readError: readErrorBody,
  readUsage,
  renderError,
  renderStreamError,
};

/** Background requests are answered at once, `queued`: that is no failure. */
const FAILURES: ReadonlySet<string> = new Set(['failed', 'cancelled']);

function readComplete(body: Buffer): CompleteReading {
  const scan = scanResponseEvent(body);
  const { status, error } = scan;
  const reading: CompleteReading = {
    error: undefined,
    usage: scan.usage,
    model: scan.model,
    responseId: scan.id,
    finishReasons: status === undefined ? [] : [finishReason(status, scan.incomplete)],
    outputBytes: scan.outputBytes,
    serviceTier: scan.serviceTier,
  };
  if (scan.malformed) reading.error = invalid('the answer is not JSON');
  else if (error) reading.error = error;
  else if (status !== undefined && FAILURES.has(status)) reading.error = failed(status);
  else if (!scan.hasOutput) reading.error = invalid('the answer has no output');
  return reading;
}

const invalid = (message: string) => ({ status: undefined, code: 'invalid_body', type: undefined, message });

/** The last event of a stream that broke: clients raise an error when they read it. */
function renderStreamError(error: OutriderError): Buffer {
  const { member } = error.params;
  const event = {
    type: 'error',
    code: error.code,
    message: error.message,
    param: typeof member === 'string' ? member : null,
    sequence_number: 0,
  };
  return Buffer.from(`event: error\ndata: ${JSON.stringify(event)}\n\n`);
}
