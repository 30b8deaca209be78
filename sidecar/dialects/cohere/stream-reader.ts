/** Reads the events of a streamed chat, and whole answers. */
import type { CompleteReading, EventReading, StreamReader, UpstreamError } from '../dialect.ts';
import { failureOf } from './finish.ts';

type Json = Record<string, unknown>;

/** One object per stream is reader and reading. */
export class CohereStreamReader implements StreamReader, EventReading {
  readonly model = undefined;
  responseId: string | undefined = undefined;
  finishReasons: string[] = [];

  commits = false;
  content = false;
  terminal = false;
  finished = false;
  error: UpstreamError | undefined = undefined;
  usage: unknown = undefined;
  outputBytes = 0;
  readonly usageOnly = false;
  /** Of the last event, for translation: its type, and its payload parsed. */
  kind = '';
  payload: Json = {};

  read(_event: Buffer, data: Buffer): EventReading {
    this.commits = false;
    this.content = false;
    this.error = undefined;
    this.usage = undefined;
    this.outputBytes = 0;
    this.kind = '';
    this.payload = {};
    if (data.length === 0) return this;
    if (data.length < 16 && data.toString('latin1').trim() === '[DONE]') {
      this.terminal = true;
      return this;
    }
    const payload = parse(data);
    if (payload === undefined) {
      this.error = invalid('invalid_event', data.toString('utf8', 0, 200));
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

  withoutUsage(event: Buffer): Buffer {
    return event;
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
  const value = parse(body);
  const reason = typeof value?.finish_reason === 'string' ? value.finish_reason : undefined;
  const message = isObject(value?.message) ? value.message : undefined;
  const broken =
    value === undefined
      ? invalid('invalid_body', 'the answer is not JSON')
      : message === undefined || reason === undefined
        ? invalid('invalid_body', 'the answer has no message')
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

function parse(data: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(data.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const invalid = (code: string, message: string): UpstreamError => ({
  status: undefined,
  code,
  type: undefined,
  message,
});

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
