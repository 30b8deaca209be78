/** Google's `generateContent`: how its answers are read, and how conversations are written for it. */
import type { VendorFormat } from '../chat-format.ts';
import type { WireReader } from '../dialect.ts';
import { GeminiEventSource, readCompleteChat } from './event-source.ts';
import { HONOURS, obstacle, writeRequest } from './request.ts';
import { GeminiStreamReader, readCompleteAnswer } from './stream-reader.ts';
import { readErrorBody } from './upstream-error.ts';
import { readUsage } from './usage.ts';

export const GEMINI: WireReader = {
  name: 'gemini',
  openStream: () => new GeminiStreamReader(),
  readComplete: readCompleteAnswer,
  readError: readErrorBody,
  readUsage,
};

export const GEMINI_VENDOR: VendorFormat = {
  honours: HONOURS,
  obstacle,
  writeRequest,
  readComplete: readCompleteChat,
  openReader: (asked) => new GeminiEventSource(asked),
};
