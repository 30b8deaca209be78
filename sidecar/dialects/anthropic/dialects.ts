/** The wire formats of the Anthropic API. */
import { NO_USAGE } from '../../accounting/usage.ts';
import type { Dialect } from '../dialect.ts';
import { RawStreamReader, UNREAD } from '../raw-stream.ts';
import { BodyScan } from '../scan/body-scan.ts';
import { readCount, readMessage } from './complete.ts';
import { readCountRequest, readMessagesRequest } from './messages-request.ts';
import { renderError, renderStreamError } from './render-error.ts';
import { AnthropicStreamReader } from './stream-reader.ts';
import { readErrorBody } from './upstream-error.ts';
import { readUsage } from './usage.ts';

const shared = { readError: readErrorBody, renderError, renderStreamError };

export const ANTHROPIC_MESSAGES: Dialect = {
  ...shared,
  name: 'anthropic-messages',
  operation: 'chat',
  upstreamPath: '/messages',
  readRequest: readMessagesRequest,
  openStream: () => new AnthropicStreamReader(),
  readComplete: readMessage,
  readUsage,
  ping: Buffer.from('event: ping\ndata: {"type":"ping"}\n\n'),
};

/** Counting uses nothing up: the vendor takes no money for it, and neither the ledger nor a budget may. */
export const ANTHROPIC_COUNT_TOKENS: Dialect = {
  ...shared,
  name: 'anthropic-count-tokens',
  operation: 'count_tokens',
  upstreamPath: '/messages/count_tokens',
  readRequest: readCountRequest,
  openStream: () => new RawStreamReader(),
  readComplete: readCount,
  answerByEstimate: renderTokenCount,
  readUsage: () => NO_USAGE,
};

/** Paths that are passed through unread: only our own errors have a form. */
export const ANTHROPIC_RAW: Dialect = {
  ...shared,
  name: 'anthropic-raw',
  operation: 'passthrough',
  upstreamPath: '',
  readRequest: (body) => new BodyScan(body),
  openStream: () => new RawStreamReader(),
  readComplete: () => UNREAD,
  readUsage,
};

/**
 * The answer to `count_tokens` where no target speaks this API: our estimate by the published ratios, the same in every pod.
 * It is an estimate, so it goes with a warning that says so.
 */
export function renderTokenCount(estimatedTokens: number): Buffer {
  return Buffer.from(JSON.stringify({ input_tokens: estimatedTokens }));
}
