/** The wire formats of the OpenAI family. */
import type { Dialect, StreamReader } from '../dialect.ts';
import { RawStreamReader, UNREAD } from '../raw-stream.ts';
import { BodyScan } from '../scan/body-scan.ts';
import { readChatRequest } from './chat-request.ts';
import { readComplete } from './complete.ts';
import { readCompletionsRequest, readEmbeddingsRequest } from './prompt-request.ts';
import { renderError, renderStreamError } from './render-error.ts';
import { OpenAIStreamReader } from './stream-reader.ts';
import { readErrorBody } from './upstream-error.ts';
import { readUsage } from './usage.ts';

const shared = { readUsage, readError: readErrorBody, renderError, renderStreamError };
const openStream = (): StreamReader => new OpenAIStreamReader();

export const OPENAI_CHAT: Dialect = {
  ...shared,
  name: 'openai-chat',
  operation: 'chat',
  upstreamPath: '/chat/completions',
  readRequest: readChatRequest,
  openStream,
  readComplete: (body) => readComplete(body, 'choices'),
};

export const OPENAI_COMPLETIONS: Dialect = {
  ...shared,
  name: 'openai-completions',
  operation: 'text_completion',
  upstreamPath: '/completions',
  readRequest: readCompletionsRequest,
  openStream,
  readComplete: (body) => readComplete(body, 'choices'),
};

export const OPENAI_EMBEDDINGS: Dialect = {
  ...shared,
  name: 'openai-embeddings',
  operation: 'embeddings',
  upstreamPath: '/embeddings',
  readRequest: readEmbeddingsRequest,
  // Embeddings are never streamed; a server that streams all the same is passed on unread.
  openStream: () => new RawStreamReader(),
  readComplete: (body) => readComplete(body, 'data'),
};

/** Paths that are passed through unread: only our own errors have a form. */
export const OPENAI_RAW: Dialect = {
  ...shared,
  name: 'openai-raw',
  operation: 'passthrough',
  upstreamPath: '',
  readRequest: (body) => new BodyScan(body),
  openStream: () => new RawStreamReader(),
  readComplete: () => UNREAD,
};
