/** What OpenAI Chat Completions brings to translation. */
import type { CallerFormat, VendorFormat } from '../chat-format.ts';
import { readChat } from './caller/read-chat.ts';
import { ChatStreamWriter } from './caller/stream-writer.ts';
import { writeComplete } from './caller/write-complete.ts';
import { renderUpstreamError } from './render-upstream-error.ts';
import { ChatEventSource } from './vendor/event-source.ts';
import { chatObstacle } from './vendor/obstacle.ts';
import { readComplete } from './vendor/read-complete.ts';
import { CHAT_HONOURS, writeRequest } from './vendor/write-request.ts';

export const OPENAI_CHAT_CALLER: CallerFormat = {
  readChat,
  writeComplete,
  openWriter: (context) => new ChatStreamWriter(context),
  renderUpstreamError,
};

export const OPENAI_CHAT_VENDOR: VendorFormat = {
  honours: CHAT_HONOURS,
  obstacle: chatObstacle,
  writeRequest,
  readComplete,
  openReader: () => new ChatEventSource(),
};
