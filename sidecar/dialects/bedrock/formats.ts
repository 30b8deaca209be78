/** Amazon Bedrock's Converse API: how its answers are read, and how conversations are written for it. */
import type { VendorFormat } from '../chat-format.ts';
import type { WireReader } from '../dialect.ts';
import { BedrockEventSource } from './event-source.ts';
import { readCompleteChat } from './read-complete.ts';
import { HONOURS, obstacle, writeRequest } from './request.ts';
import { BedrockStreamReader, readCompleteAnswer } from './stream-reader.ts';
import { readErrorBody } from './upstream-error.ts';
import { readUsage } from './usage.ts';

export const BEDROCK_CONVERSE: WireReader = {
  name: 'bedrock-converse',
  framing: 'aws',
  openStream: () => new BedrockStreamReader(),
  readComplete: readCompleteAnswer,
  readError: readErrorBody,
  readUsage,
};

export const BEDROCK_CONVERSE_VENDOR: VendorFormat = {
  honours: HONOURS,
  obstacle,
  writeRequest,
  readComplete: readCompleteChat,
  openReader: (asked) => new BedrockEventSource(asked),
};
