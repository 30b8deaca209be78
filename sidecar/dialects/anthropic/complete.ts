/** Reads whole 2xx bodies of the Messages API. */
import type { CompleteReading, UpstreamError } from '../dialect.ts';
import { scanAnswer } from './answer-scan.ts';
import { failedStop } from './stop-reasons.ts';
import { serviceTier } from './usage.ts';

export function readMessage(body: Buffer): CompleteReading {
  const scan = scanAnswer(body);
  return {
    error: failure(scan),
    usage: scan.usage,
    model: scan.model,
    responseId: scan.id,
    finishReasons: scan.stopReason === undefined ? [] : [scan.stopReason],
    outputBytes: scan.bytes,
    serviceTier: serviceTier(scan.usage),
  };
}

/** `{input_tokens}`: what was counted is nothing that was used. */
export function readCount(body: Buffer): CompleteReading {
  const scan = scanAnswer(body);
  const error = scan.malformed ? invalid('the answer is not JSON') : scan.error;
  return {
    error,
    usage: undefined,
    model: undefined,
    responseId: undefined,
    finishReasons: [],
    outputBytes: 0,
  };
}

function failure(scan: ReturnType<typeof scanAnswer>): UpstreamError | undefined {
  if (scan.malformed) return invalid('the answer is not JSON');
  if (scan.error) return scan.error;
  if (!scan.hasContent) return invalid('the answer has no content');
  return scan.stopReason === undefined ? undefined : failedStop(scan.stopReason);
}

function invalid(message: string): UpstreamError {
  return { status: undefined, code: 'invalid_body', type: undefined, message };
}
