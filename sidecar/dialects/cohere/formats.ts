/** Cohere's chat, version 2: how its answers are read, and how conversations are written for it. */
import type { VendorFormat } from '../chat-format.ts';
import type { WireReader } from '../dialect.ts';
import { CohereEventSource } from './event-source.ts';
import { readCompleteChat } from './read-complete.ts';
import { HONOURS, obstacle, writeRequest } from './request.ts';
import { CohereStreamReader, readCompleteAnswer } from './stream-reader.ts';
import { readErrorBody } from './upstream-error.ts';
import { readUsage } from './usage.ts';

export const COHERE_CHAT: WireReader = {
  name: 'cohere-chat',
  openStream: () => new CohereStreamReader(),
  readComplete: readCompleteAnswer,
  readError: readErrorBody,
  readUsage,
};

export const COHERE_CHAT_VENDOR: VendorFormat = {
  honours: HONOURS,
  obstacle,
  writeRequest,
  readComplete: readCompleteChat,
  openReader: (asked) => new CohereEventSource(asked),
};
