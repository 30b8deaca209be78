/** Reads whole 2xx bodies: chat, completions, embeddings. */
import type { CompleteReading, UpstreamError } from '../dialect.ts';
import { scanResponse } from './response-scan.ts';

/** `expects`: the member a healthy answer of the endpoint has. */
export function readComplete(body: Buffer, expects: 'choices' | 'data'): CompleteReading {
  const scan = scanResponse(body, true);
  const { choices } = scan;
  return {
    error: failure(scan, expects),
    usage: scan.usage,
    model: scan.model,
    responseId: scan.id,
    finishReasons: choices.finishes.map((finish) => finish.reason),
    outputBytes: choices.bytes,
    serviceTier: scan.serviceTier,
  };
}

function failure(
  scan: ReturnType<typeof scanResponse>,
  expects: 'choices' | 'data',
): UpstreamError | undefined {
  if (scan.malformed) return upstreamError('invalid_body', 'the answer is not JSON');
  if (scan.error) return scan.error;
  const { failure: reason, count } = scan.choices;
  if (reason !== undefined) return upstreamError(reason, `finish_reason is ${reason}`);
  const complete = expects === 'choices' ? count > 0 : scan.hasData;
  return complete ? undefined : upstreamError('invalid_body', `the answer has no ${expects}`);
}

function upstreamError(code: string, message: string): UpstreamError {
  return { status: undefined, code, type: undefined, message };
}
