/**
 * Rerank: one request and one answer, of which every vendor has the same outline. Bytes pass as they are; only usage, names and
 * errors are read.
 *
 *   {"id": "...", "results": [{"index": 3, "relevance_score": 0.98}], "meta": {"billed_units": {"search_units": 1}}}     Cohere
 *   {"model": "...", "results": [...], "usage": {"total_tokens": 815}}                                       Jina, vLLM, Together
 */
import { readUsage as readCohereUsage } from '../cohere/usage.ts';
import type { CompleteReading, Dialect, UpstreamError } from '../dialect.ts';
import { isObject } from '../json/parsed.ts';
import { renderError, renderStreamError } from '../openai/render-error.ts';
import { errorOf, readErrorBody } from '../openai/upstream-error.ts';
import { readUsage as readTokens } from '../openai/usage.ts';
import { RawStreamReader } from '../raw-stream.ts';
import { readRerankRequest } from './rerank-request.ts';

export const RERANK: Dialect = {
  name: 'rerank',
  operation: 'rerank',
  upstreamPath: '/rerank',
  readRequest: readRerankRequest,
  // Never streamed; a server that streams all the same is passed on unread.
  openStream: () => new RawStreamReader(),
  readComplete,
  readError: readErrorBody,
  readUsage: (raw) => readCohereUsage(raw) ?? readTokens(raw),
  renderError,
  renderStreamError,
};

function readComplete(body: Buffer): CompleteReading {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    value = undefined;
  }
  const answer = isObject(value) ? value : undefined;
  const ranked = Array.isArray(answer?.results) || Array.isArray(answer?.data);
  const usage = isObject(answer?.usage) ? answer.usage : isObject(answer?.meta) ? answer.meta : undefined;
  return {
    error: ranked
      ? undefined
      : (errorOf(value) ?? invalid(answer ? 'the answer has no results' : 'the answer is not JSON')),
    usage,
    model: typeof answer?.model === 'string' ? answer.model : undefined,
    responseId: typeof answer?.id === 'string' ? answer.id : undefined,
    finishReasons: [],
    outputBytes: 0,
  };
}

const invalid = (message: string): UpstreamError => ({
  status: undefined,
  code: 'invalid_body',
  type: undefined,
  message,
});
