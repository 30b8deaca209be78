/** The Anthropic API as the scripted provider speaks it, and Claude on Vertex, which names the model in the path. */

import {
  type AnthropicRequest,
  completeBody,
  composeAnswer,
  countTokens,
  streamEvents,
} from './anthropic-bodies.ts';
import { checkAnthropicRequest, checkLatest } from './anthropic-check.ts';
import { turnOf } from './anthropic-threads.ts';
import type { Behaviour } from './behaviour.ts';
import type { FailureShape, Vendor, VendorAnswer, VendorRequest } from './vendor.ts';

const VERTEX =
  /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/anthropic\/models\/([^/:]+):(stream)?rawPredict$/i;

/** Its clients send the key as a bearer token. */
const LATEST = '2026-10-21';

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

function errorBody(status: number, message: string, type?: string): string {
  const word = type ?? TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return JSON.stringify({ type: 'error', error: { type: word, message }, request_id: 'req_scripted' });
}

const NO_THREAD = JSON.stringify({
  type: 'error',
  error: {
    type: 'not_found_error',
    message: 'thread.previous_message_id: no such message',
    details: { error_code: 'thread_not_found' },
  },
  request_id: 'req_scripted',
});

const SHAPE: FailureShape = {
  error: ({ status, message, type }) => errorBody(status, message, type),
  quota: {
    status: 400,
    body: errorBody(
      400,
      'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.',
    ),
  },
  rateLimit: errorBody(429, 'This request would exceed your organization\u2019s rate limit.'),
  garbage: '{"id":"msg_broken","type":"message","content":[{"type":"te',
  inStream: (code) => `event: error\ndata: ${errorBody(529, 'Overloaded', code ?? 'overloaded_error')}\n\n`,
  ping: 'event: ping\ndata: {"type": "ping"}\n\n',
};

export const ANTHROPIC: Vendor = {
  serves: ({ path, headers }) =>
    path === '/v1/messages' ||
    path === '/v1/messages/count_tokens' ||
    VERTEX.test(path) ||
    (path === '/v1/models' && headers['anthropic-version'] !== undefined),
  key: (headers) => text(headers['x-api-key']) || (headers.authorization ?? '').replace(/^Bearer /, ''),
  shape: SHAPE,
  unauthorized: errorBody(401, 'invalid x-api-key'),
  answer,
};

const text = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');

function refused(status: number, message: string): VendorAnswer {
  return { kind: 'Refused', status, body: errorBody(status, message) };
}

function answer(request: VendorRequest, behaviour: Behaviour): VendorAnswer {
  const { path, headers, body } = request;
  const vertex = VERTEX.exec(path);
  const version = text(headers['anthropic-version']);
  if (!vertex && version === '') return refused(400, 'anthropic-version: header is required');
  if (!vertex && version !== '2023-06-01' && version !== LATEST) {
    return refused(400, `anthropic-version: "${version}" is not a valid version`);
  }
  if (path === '/v1/models') return { kind: 'Whole', body: modelList(), headers: {} };
  if (request.method !== 'POST') return refused(405, 'Method Not Allowed');
  if (!text(headers['content-type']).startsWith('application/json'))
    return refused(415, 'Unsupported content type');
  const parsed = parse(body, vertex?.[1]);
  if (typeof parsed === 'string') return refused(400, parsed);
  const counting = path.endsWith('/count_tokens');
  const turn = turnOf(parsed, vertex ? '' : text(headers['anthropic-beta']));
  if (turn === undefined) return { kind: 'Refused', status: 404, body: NO_THREAD };
  const { request: asked } = turn;
  const problem =
    checkAnthropicRequest(asked, counting) ?? (version === LATEST ? checkLatest(asked) : undefined);
  if (problem !== undefined) return refused(400, problem);
  if (counting)
    return { kind: 'Whole', body: JSON.stringify({ input_tokens: countTokens(body) }), headers: {} };
  const composed = composeAnswer(asked, body, behaviour);
  turn.keep(composed.id, composed.blocks);
  const own = { 'request-id': `req_${composed.id.slice(-12)}`, 'anthropic-organization-id': 'org_scripted' };
  return asked.stream === true
    ? { kind: 'Stream', events: streamEvents(composed), headers: own }
    : { kind: 'Whole', body: completeBody(composed), headers: own };
}

/** `model`: from the path, where the body must not name it. A string: what is wrong. */
function parse(body: Buffer, model: string | undefined): AnthropicRequest | string {
  let value: AnthropicRequest & { anthropic_version?: unknown };
  try {
    value = JSON.parse(body.toString()) as AnthropicRequest;
  } catch {
    return 'The request body is not valid JSON.';
  }
  if (model === undefined) return value;
  const { anthropic_version: version, ...rest } = value;
  if (version !== 'vertex-2023-10-16') return 'anthropic_version: Field required';
  return 'model' in rest ? 'model: Extra inputs are not permitted' : { ...rest, model };
}

function modelList(): string {
  const data = ['scripted-large', 'scripted-small'].map((id) => ({
    type: 'model',
    id,
    display_name: id,
    created_at: '2026-01-01T00:00:00Z',
  }));
  return JSON.stringify({ data, has_more: false, first_id: data.at(0)?.id, last_id: data.at(-1)?.id });
}
