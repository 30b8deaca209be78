/** An answer outside 2xx: its body is read, within a bound, to learn what it means. */
import { OutriderError } from '../../errors/table.ts';
import type { UpstreamError } from '../dialects/dialect.ts';
import { headerValue } from '../http1/header-value.ts';
import { classify } from '../providers/failures.ts';
import { retryAfterMs } from '../providers/retry-after.ts';
import type { Failure } from './failure.ts';
import { answerOf, isEncoded } from './receive-body.ts';
import type { Receiver } from './receiver.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** No API explains itself at such length; what is longer is judged by its status alone. */
const READ_LIMIT = 256 * 1024;

export class ErrorReceiver implements Receiver {
  readonly #call: UpstreamCall;
  readonly #wall: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(call: UpstreamCall, wall: number) {
    this.#call = call;
    this.#wall = wall;
  }

  chunk(bytes: Buffer): void {
    this.#length += bytes.length;
    if (this.#length > READ_LIMIT) {
      this.#judge(undefined);
      return;
    }
    this.#chunks.push(bytes);
  }

  end(): void {
    this.#judge(Buffer.concat(this.#chunks, this.#length));
  }

  breakOff(): boolean {
    return false;
  }

  holdOver(): void {
    // Only streams are held.
  }

  note(): void {
    // Nothing beyond what is already there.
  }

  #judge(body: Buffer | undefined): void {
    const { status, rawHeaders, upstream, request, attempt } = this.#call;
    const readable = body !== undefined && !isEncoded(rawHeaders);
    const read = readable ? request.wire.readError(body) : undefined;
    const error = read && typed(read, rawHeaders, upstream.type.errorTypeHeader);
    const verdict = classify(upstream.type, status, error, false);
    // An error status is a refusal: whoever sends one has not generated anything.
    attempt.noWork = true;
    const target = attempt.candidate.target.name;
    const failure: Failure = {
      verdict,
      status,
      answer: body === undefined || status < 400 ? undefined : answerOf(this.#call, error, status, body),
      error: new OutriderError('upstream_failed', { target, reason: `it answered with status ${status}` }),
      retryAfterMs: comesBack(status)
        ? retryAfterMs(rawHeaders, upstream.type.retryAfter, this.#wall, readable ? body : undefined)
        : undefined,
      counted: true,
      again: refusesUsage(status, request.usageInjected, error?.message) ? 'WithoutUsage' : undefined,
    };
    this.#call.fail(failure);
  }
}

function typed(
  error: UpstreamError,
  rawHeaders: readonly string[],
  header: string | undefined,
): UpstreamError {
  if (header === undefined || error.type !== undefined) return error;
  const type = headerValue(rawHeaders, header)?.split(':')[0];
  return type === undefined ? error : { ...error, type };
}

/** Statuses whose Retry-After is about this provider's state and not about the request. */
const comesBack = (status: number): boolean => status === 429 || status === 503 || status === 529;

/** The option was ours, so the refusal is ours too: the caller never hears of it. */
function refusesUsage(status: number, injected: boolean, message: string | undefined): boolean {
  return injected && (status === 400 || status === 422) && (message?.includes('stream_options') ?? false);
}
