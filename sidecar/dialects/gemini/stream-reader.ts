/** Reads the events of `streamGenerateContent?alt=sse`, and whole answers. */
import type { CompleteReading, EventReading, UpstreamError } from '../dialect.ts';
import { EventReader, invalidEvent } from '../event-reader.ts';
import { type Answer, answerOf, type Part } from './answer.ts';
import { errorOf } from './upstream-error.ts';
import { serviceTier } from './usage.ts';

/** The stream has no end mark: its last events carry the finish reasons. */
export class GeminiStreamReader extends EventReader {
  /** What the event held, so that translation need not read it again. */
  answer: Answer | undefined = undefined;
  /** By candidate: the reason it ended, or nothing yet. Early models name one in every event. */
  readonly #reasons = new Map<number, string | undefined>();

  read(_event: Buffer, data: Buffer): EventReading {
    this.begin();
    this.answer = undefined;
    if (data.length === 0) return this;
    const read = readAnswer(data);
    if ('error' in read) {
      this.error = read.error;
      return this;
    }
    const { answer } = read;
    this.answer = answer;
    this.model ??= answer.model;
    this.responseId ??= answer.responseId;
    this.usage = answer.usage;
    this.serviceTier = serviceTier(answer.usage) ?? this.serviceTier;
    for (const { index, parts, finishReason } of answer.candidates) {
      for (const part of parts) this.#count(part);
      if (finishReason !== undefined) this.commits = true;
      this.#note(index, finishReason);
    }
    if (answer.blocked !== undefined) {
      this.commits = true;
      this.#note(0, answer.blocked);
    }
    if (this.content) this.commits = true;
    return this;
  }

  #note(index: number, reason: string | undefined): void {
    if (reason === undefined && this.#reasons.has(index)) return;
    this.#reasons.set(index, reason);
    const reasons = [...this.#reasons.values()];
    this.finishReasons = reasons.filter((one) => one !== undefined);
    this.finished = this.finishReasons.length === reasons.length;
  }

  #count(part: Part): void {
    const bytes = bytesOf(part);
    this.outputBytes += bytes;
    if (bytes > 0 || part.type === 'Call' || part.type === 'Other' || part.signature !== undefined)
      this.content = true;
  }
}

/** Text, thoughts and arguments are output; images and what the vendor's tools did are not text. */
function bytesOf(part: Part): number {
  if (part.type === 'Other') return 0;
  return part.type === 'Call'
    ? Buffer.byteLength(part.name) + Buffer.byteLength(part.args)
    : Buffer.byteLength(part.text);
}

export function readCompleteAnswer(body: Buffer): CompleteReading {
  const read = readAnswer(body);
  if ('error' in read) {
    const { error } = read;
    return {
      error: error.code === 'invalid_event' ? { ...error, code: 'invalid_body' } : error,
      usage: undefined,
      model: undefined,
      responseId: undefined,
      finishReasons: [],
      outputBytes: 0,
    };
  }
  const { candidates, blocked, usage, model, responseId } = read.answer;
  const complete = candidates.some(({ finishReason }) => finishReason !== undefined) || blocked !== undefined;
  return {
    error: complete ? undefined : invalid('invalid_body', 'the answer has no candidate that ended'),
    usage,
    model,
    responseId,
    finishReasons:
      blocked === undefined
        ? candidates.map(({ finishReason }) => finishReason).filter((reason) => reason !== undefined)
        : [blocked],
    outputBytes: candidates.flatMap(({ parts }) => parts).reduce((sum, part) => sum + bytesOf(part), 0),
    serviceTier: serviceTier(usage),
  };
}

export function readAnswer(data: Buffer): { answer: Answer } | { error: UpstreamError } {
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch {
    return { error: invalidEvent(data) };
  }
  const error = errorOf(value);
  if (error !== undefined) return { error };
  try {
    const answer = answerOf(value, data);
    if (answer !== undefined) return { answer };
  } catch {
    // Nested too deep for the reader of texts as they were written.
  }
  return { error: invalidEvent(data) };
}

const invalid = (code: string, message: string): UpstreamError => ({
  status: undefined,
  code,
  type: undefined,
  message,
});
