/** Reads the messages of `ConverseStream`, and whole answers of `Converse`. */
import type { CompleteReading, EventReading, StreamReader, UpstreamError } from '../dialect.ts';
import { readMessageHeaders } from '../framing/message-headers.ts';
import { streamError } from './upstream-error.ts';

type Json = Record<string, unknown>;

/** One object per stream is reader and reading. */
export class BedrockStreamReader implements StreamReader, EventReading {
  /** Neither is told. */
  readonly model = undefined;
  readonly responseId = undefined;
  finishReasons: string[] = [];

  commits = false;
  content = false;
  terminal = false;
  finished = false;
  error: UpstreamError | undefined = undefined;
  usage: unknown = undefined;
  outputBytes = 0;
  readonly usageOnly = false;
  /** Of the last message, for translation: its kind, and its payload parsed. */
  kind = '';
  payload: Json = {};

  read(event: Buffer, data: Buffer): EventReading {
    this.commits = false;
    this.content = false;
    this.error = undefined;
    this.usage = undefined;
    this.outputBytes = 0;
    this.kind = '';
    this.payload = {};
    const headers = readMessageHeaders(event);
    if (headers === undefined) {
      this.error = invalid('invalid_event', 'the headers of a message are not well formed');
      return this;
    }
    const type = headers.get(':message-type');
    if (type === 'exception' || type === 'error') {
      const kind = headers.get(':exception-type') ?? headers.get(':error-code') ?? 'error';
      this.error = streamError(kind, data);
      const said = headers.get(':error-message');
      if (said !== undefined && this.error.message === '') this.error = { ...this.error, message: said };
      return this;
    }
    const payload = parse(data);
    if (payload === undefined) {
      this.error = invalid('invalid_event', data.toString('utf8', 0, 200));
      return this;
    }
    this.kind = headers.get(':event-type') ?? '';
    this.payload = payload;
    this.#take();
    return this;
  }

  withoutUsage(event: Buffer): Buffer {
    return event;
  }

  #take(): void {
    const { payload } = this;
    switch (this.kind) {
      case 'contentBlockStart':
        this.content = isObject(payload.start) && Object.keys(payload.start).length > 0;
        break;
      case 'contentBlockDelta':
        this.outputBytes = textBytes(payload.delta);
        this.content = this.outputBytes > 0 || isReasoning(payload.delta);
        break;
      case 'messageStop': {
        const { stopReason } = payload;
        this.finishReasons = [typeof stopReason === 'string' ? stopReason : ''];
        this.finished = true;
        this.commits = true;
        break;
      }
      case 'metadata':
        this.usage = isObject(payload.usage) ? payload.usage : undefined;
        // The last message; nothing but the end of the connection follows.
        this.terminal = this.finished;
    }
    if (this.content) this.commits = true;
  }
}

const isReasoning = (delta: unknown): boolean => isObject(delta) && isObject(delta.reasoningContent);

/** Text, thinking and arguments in a delta or a block; encrypted thinking and media are no text. */
function textBytes(value: unknown): number {
  if (!isObject(value)) return 0;
  const { text, toolUse, reasoningContent, citationsContent } = value;
  let bytes = typeof text === 'string' ? Buffer.byteLength(text) : 0;
  if (isObject(toolUse)) {
    const { input } = toolUse;
    bytes +=
      typeof input === 'string'
        ? Buffer.byteLength(input)
        : isObject(input)
          ? JSON.stringify(input).length
          : 0;
  }
  if (isObject(reasoningContent)) {
    const inner = isObject(reasoningContent.reasoningText)
      ? reasoningContent.reasoningText
      : reasoningContent;
    if (typeof inner.text === 'string') bytes += Buffer.byteLength(inner.text);
  }
  if (isObject(citationsContent) && Array.isArray(citationsContent.content)) {
    for (const part of citationsContent.content as unknown[]) bytes += textBytes(part);
  }
  return bytes;
}

export function readCompleteAnswer(body: Buffer): CompleteReading {
  const value = parse(body);
  const output = isObject(value?.output) ? value.output : undefined;
  const message = isObject(output?.message) ? output.message : undefined;
  const stopReason = value?.stopReason;
  const content = Array.isArray(message?.content) ? (message.content as unknown[]) : [];
  return {
    error:
      value === undefined
        ? invalid('invalid_body', 'the answer is not JSON')
        : typeof stopReason === 'string' && message !== undefined
          ? undefined
          : invalid('invalid_body', 'the answer has no message'),
    usage: isObject(value?.usage) ? value.usage : undefined,
    model: undefined,
    responseId: undefined,
    finishReasons: typeof stopReason === 'string' ? [stopReason] : [],
    outputBytes: content.reduce<number>((sum, block) => sum + textBytes(block), 0),
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
