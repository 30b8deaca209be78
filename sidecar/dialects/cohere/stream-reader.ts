/** Reads the events of a streamed chat, and whole answers. */
import type { CompleteReading, EventReading } from '../dialect.ts';
import { invalidEvent, isDone } from '../event-reader.ts';
import { isObject, type Json } from '../json/parsed.ts';
import { PayloadReader, parsePayload, unreadable } from '../payload-reader.ts';
import { failureOf } from './finish.ts';

export class CohereStreamReader extends PayloadReader {
  read(_event: Buffer, data: Buffer): EventReading {
    this.begin();
    if (data.length === 0) return this;
    if (isDone(data)) {
      this.terminal = true;
      return this;
    }
    const payload = parsePayload(data);
    if (payload === undefined) {
      this.error = invalidEvent(data);
      return this;
    }
    this.payload = payload;
    this.kind = typeof payload.type === 'string' ? payload.type : '';
    if (this.kind === '' && typeof payload.message === 'string') {
      this.error = { status: undefined, code: undefined, type: 'error', message: payload.message };
      return this;
    }
    this.#take();
    return this;
  }

  #take(): void {
    const { payload } = this;
    const delta = isObject(payload.delta) ? payload.delta : {};
    if (this.kind === 'message-start') {
      if (typeof payload.id === 'string') this.responseId = payload.id;
    } else if (this.kind === 'message-end') {
      const reason = typeof delta.finish_reason === 'string' ? delta.finish_reason : '';
      this.error = failureOf(reason, typeof delta.error === 'string' ? delta.error : undefined);
      this.usage = isObject(delta.usage) ? delta.usage : undefined;
      if (this.error) return;
      this.finishReasons = [reason];
      this.finished = true;
      this.terminal = true;
      this.commits = true;
    } else {
      this.outputBytes = isObject(delta.message) ? textBytes(delta.message) : 0;
      this.content = this.outputBytes > 0;
      this.commits = this.content;
    }
  }
}

/** Text, thinking, plan and calls of a message, or of a part of one. */
function textBytes({ content, tool_plan: plan, tool_calls: calls }: Json): number {
  let bytes = length(plan);
  for (const part of listed(content)) bytes += length(part.text) + length(part.thinking);
  for (const call of listed(calls)) {
    if (isObject(call.function)) bytes += length(call.function.name) + length(call.function.arguments);
  }
  return bytes;
}

/** Streams have one where whole answers have a list. */
const listed = (value: unknown): Json[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).filter(isObject);

const length = (value: unknown): number => (typeof value === 'string' ? Buffer.byteLength(value) : 0);

export function readCompleteAnswer(body: Buffer): CompleteReading {
  const value = parsePayload(body);
  const reason = typeof value?.finish_reason === 'string' ? value.finish_reason : undefined;
  const message = isObject(value?.message) ? value.message : undefined;
  const broken =
    value === undefined
      ? unreadable('invalid_body', 'the answer is not JSON')
      : message === undefined || reason === undefined
        ? unreadable('invalid_body', 'the answer has no message')
        : undefined;
  return {
    error: broken ?? failureOf(reason, undefined),
    usage: isObject(value?.usage) ? value.usage : undefined,
    model: undefined,
    responseId: typeof value?.id === 'string' ? value.id : undefined,
    finishReasons: reason === undefined ? [] : [reason],
    outputBytes: message === undefined ? 0 : textBytes(message),
  };
}
