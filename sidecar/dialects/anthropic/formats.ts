/** What the Anthropic API brings to translation. */
import type { CallerFormat, VendorFormat } from '../chat-format.ts';
import { AnthropicEventWriter } from './caller/event-writer.ts';
import { readChat } from './caller/read-chat.ts';
import { writeComplete } from './caller/write-complete.ts';
import { renderUpstreamError } from './render-error.ts';
import { AnthropicEventSource } from './vendor/event-source.ts';
import { readMessage } from './vendor/read-answer.ts';
import { HONOURS, obstacle, writeRequest } from './vendor/write-request.ts';

export const ANTHROPIC_MESSAGES_CALLER: CallerFormat = {
  readChat,
  writeComplete,
  openWriter: (context) => new AnthropicEventWriter(context),
  renderUpstreamError,
};

export const ANTHROPIC_MESSAGES_VENDOR: VendorFormat = {
  honours: HONOURS,
  obstacle,
  writeRequest,
  readComplete: readMessage,
  openReader: (asked, quirks) => new AnthropicEventSource(asked, quirks),
};
