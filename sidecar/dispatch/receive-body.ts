/** A complete 2xx body: buffered, looked at, and handed on whole, so that an error disguised as success can fail over. */
import { OutriderError } from '../../errors/table.ts';
import type { UpstreamError } from '../dialects/dialect.ts';
import { headerValue } from '../http1/header-value.ts';
import { classify, classifyTransport } from '../providers/failures.ts';
import { statusOf, type UpstreamAnswer } from './failure.ts';
import type { Outlet } from './outlet.ts';
import type { Receiver } from './receiver.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** Beyond this a body is handed on as it comes. */
const BUFFER_LIMIT = 8 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export class BodyReceiver implements Receiver {
  readonly #call: UpstreamCall;
  readonly #outlet: Outlet;
  #chunks: Buffer[] = [];
  #length = 0;
  #streaming = false;

  constructor(call: UpstreamCall, outlet: Outlet) {
    this.#call = call;
    this.#outlet = outlet;
  }

  chunk(bytes: Buffer): void {
    this.#length += bytes.length;
    if (this.#streaming) {
      this.#call.attempt.outputBytes += bytes.length;
      this.#call.progress();
      this.#outlet.write(this.#call, bytes);
      return;
    }
    this.#chunks.push(bytes);
    // Without room to hold it, a body is handed on unread rather than refused: the provider has done its work.
    if (this.#length > BUFFER_LIMIT || !this.#outlet.held.grow(bytes.length)) this.#handOn();
  }

  end(): void {
    const { attempt } = this.#call;
    if (this.#streaming) {
      this.#call.succeed();
      this.#outlet.end();
      return;
    }
    const body = this.#whole();
    const { wire, translation } = this.#call.request;
    const encoded = isEncoded(this.#call.rawHeaders);
    if (translation !== undefined && (encoded || this.#call.stream)) {
      this.#unreadable(encoded ? 'its answer is compressed' : 'it does not stream');
      return;
    }
    const reading = encoded ? undefined : wire.readComplete(body);
    if (reading?.error) {
      const { error } = reading;
      const malformed = error.code === 'invalid_body';
      const verdict = malformed
        ? classifyTransport('Malformed', 'invalid_body')
        : classify(this.#call.upstream.type, error.status, error, true);
      const { status } = this.#call;
      const target = attempt.candidate.target.name;
      this.#call.fail({
        verdict,
        status,
        answer: malformed ? undefined : answerOf(this.#call, error, statusOf(verdict, error.status), body),
        error: new OutriderError('upstream_failed', {
          target,
          reason: malformed ? 'its answer is malformed' : 'its answer is an error',
        }),
        retryAfterMs: undefined,
        counted: true,
        again: undefined,
      });
      return;
    }
    if (reading) {
      attempt.rawUsage = reading.usage ?? this.#usageInHeaders();
      attempt.responseModel = reading.model;
      attempt.responseId = reading.responseId;
      attempt.finishReasons = reading.finishReasons;
      attempt.serviceTier = reading.serviceTier ?? attempt.serviceTier;
      attempt.outputBytes = reading.outputBytes;
    } else {
      attempt.outputBytes = body.length;
    }
    // A body that cannot be translated throws here, while another attempt can still be made.
    const out = translation ? translation.complete(body, attempt.rawUsage) : body;
    this.#call.succeed();
    this.#outlet.commit(this.#call, out.length);
    this.#outlet.end(out);
  }

  breakOff(): boolean {
    // Half a JSON document cannot be ended well.
    return false;
  }

  holdOver(): void {
    // Only streams are held.
  }

  note(): void {
    // Nothing beyond what is already there.
  }

  /** Some bodies hold vectors alone. */
  #usageInHeaders(): unknown {
    const { inputTokensHeader } = this.#call.upstream.type;
    const told = inputTokensHeader && headerValue(this.#call.rawHeaders, inputTokensHeader);
    return told !== undefined && /^\d{1,9}$/.test(told) ? { inputTokens: Number(told) } : undefined;
  }

  #unreadable(reason: string): void {
    const target = this.#call.attempt.candidate.target.name;
    const error = new OutriderError('upstream_failed', { target, reason });
    this.#call.failTransport('Malformed', 'not_translatable', error);
  }

  #handOn(): void {
    if (this.#call.request.translation !== undefined) {
      this.#unreadable('its answer is too large to translate');
      return;
    }
    this.#streaming = true;
    this.#call.attempt.outputBytes = this.#length;
    const length = Number(headerValue(this.#call.rawHeaders, 'content-length') ?? Number.NaN);
    this.#outlet.commit(this.#call, Number.isSafeInteger(length) ? length : undefined);
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#outlet.writeAll(this.#call, chunks);
  }

  #whole(): Buffer {
    const [first = NOTHING] = this.#chunks;
    return this.#chunks.length <= 1 ? first : Buffer.concat(this.#chunks, this.#length);
  }
}

/** What the caller may be told of a provider's error: the provider's own body, or the same in the caller's dialect. */
export function answerOf(
  { rawHeaders, request }: UpstreamCall,
  error: UpstreamError | undefined,
  status: number,
  body: Buffer,
): UpstreamAnswer | undefined {
  const { translation } = request;
  if (translation === undefined) return { status, rawHeaders, body };
  if (error === undefined) return undefined;
  return { status, rawHeaders: asJson(rawHeaders), body: translation.error(error, status) };
}

/** The body is JSON of its own, whatever the headers say. */
export function asJson(rawHeaders: readonly string[]): string[] {
  const headers = ['content-type', 'application/json'];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (lower !== 'content-type' && lower !== 'content-encoding')
      headers.push(name, rawHeaders[i + 1] as string);
  }
  return headers;
}

/** We ask for `identity`; what comes encoded all the same is handed on, but cannot be read. */
export function isEncoded(rawHeaders: readonly string[]): boolean {
  const encoding = headerValue(rawHeaders, 'content-encoding');
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity' && encoding.trim() !== '';
}
