/** What OpenAI Responses brings to translation. */
import type { CallerFormat, VendorFormat } from '../chat-format.ts';
import { renderUpstreamError } from '../openai/render-upstream-error.ts';
import { readChat } from './caller/read-chat.ts';
import { ResponsesStreamWriter } from './caller/stream-writer.ts';
import { writeComplete } from './caller/write-complete.ts';
import { ResponsesEventSource } from './vendor/event-source.ts';
import { responsesObstacle } from './vendor/obstacle.ts';
import { readComplete } from './vendor/read-complete.ts';
import { RESPONSES_HONOURS, writeRequest } from './vendor/write-request.ts';

export const OPENAI_RESPONSES_CALLER: CallerFormat = {
  readChat,
  writeComplete,
  openWriter: (context) => new ResponsesStreamWriter(context),
  renderUpstreamError,
};

export const OPENAI_RESPONSES_VENDOR: VendorFormat = {
  honours: RESPONSES_HONOURS,
  obstacle: responsesObstacle,
  writeRequest,
  readComplete,
  openReader: () => new ResponsesEventSource(),
};
