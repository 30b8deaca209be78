/** Reads the messages of `ConverseStream`, and whole answers of `Converse`. */
import type { ServiceTier } from '../../accounting/service-tier.ts';
import type { CompleteReading, EventReading } from '../dialect.ts';
import { invalidEvent } from '../event-reader.ts';
import { readMessageHeaders } from '../framing/message-headers.ts';
import { isObject, type Json } from '../json/parsed.ts';
import { PayloadReader, parsePayload, unreadable } from '../payload-reader.ts';
import { serviceTierOf } from '../service-tier.ts';
import { streamError } from './upstream-error.ts';

/** Neither model nor id of the answer is told. */
export class BedrockStreamReader extends PayloadReader {
  read(event: Buffer, data: Buffer): EventReading {
    this.begin();
    const headers = readMessageHeaders(event);
    if (headers === undefined) {
      this.error = unreadable('invalid_event', 'the headers of a message are not well formed');
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
    const payload = parsePayload(data);
    if (payload === undefined) {
      this.error = invalidEvent(data);
      return this;
    }
    this.kind = headers.get(':event-type') ?? '';
    this.payload = payload;
    this.#take();
    return this;
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
        this.serviceTier = servedIn(payload);
        // The last message; nothing but the end of the connection follows.
        this.terminal = this.finished;
    }
    if (this.content) this.commits = true;
  }
}

/** `{serviceTier: {type}}` */
const servedIn = (value: Json | undefined): ServiceTier | undefined =>
  isObject(value?.serviceTier) ? serviceTierOf(value.serviceTier.type) : undefined;

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
  const value = parsePayload(body);
  const output = isObject(value?.output) ? value.output : undefined;
  const message = isObject(output?.message) ? output.message : undefined;
  const stopReason = value?.stopReason;
  const content = Array.isArray(message?.content) ? (message.content as unknown[]) : [];
  return {
    error:
      value === undefined
        ? unreadable('invalid_body', 'the answer is not JSON')
        : typeof stopReason === 'string' && message !== undefined
          ? undefined
          : unreadable('invalid_body', 'the answer has no message'),
    usage: isObject(value?.usage) ? value.usage : undefined,
    model: undefined,
    responseId: undefined,
    finishReasons: typeof stopReason === 'string' ? [stopReason] : [],
    outputBytes: content.reduce<number>((sum, block) => sum + textBytes(block), 0),
    serviceTier: servedIn(value),
  };
}
