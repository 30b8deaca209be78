/** OpenAI Responses as the scripted provider speaks them, with the answers it keeps. */
import type { Behaviour } from './behaviour.ts';
import { errorBody, OPENAI_SHAPE } from './openai-bodies.ts';
import {
  type ComposedResponse,
  composeResponse,
  type ResponsesRequest,
  responseEvents,
} from './openai-responses-bodies.ts';
import { checkResponsesRequest } from './openai-responses-check.ts';
import type { FailureShape, Vendor, VendorAnswer, VendorRequest } from './vendor.ts';

const PATH = '/v1/responses';
/** Answers that are kept; the oldest goes first. */
const MAX_KEPT = 100;

const SHAPE: FailureShape = {
  ...OPENAI_SHAPE,
  garbage: '{"id":"resp_broken","object":"response","output":[{"type":"mess',
  inStream: (code) =>
    `event: error\ndata: ${JSON.stringify({ type: 'error', code: code ?? 'server_error', message: 'The server had an error while processing your request.', param: null, sequence_number: 0 })}\n\n`,
};

const kept = new Map<string, ComposedResponse>();

export const OPENAI_RESPONSES: Vendor = {
  serves: ({ path }) => path === PATH || path.startsWith(`${PATH}/`),
  key: (headers) => (headers.authorization ?? '').replace(/^Bearer /, ''),
  shape: SHAPE,
  unauthorized: errorBody('Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'),
  answer,
};

function answer(request: VendorRequest, behaviour: Behaviour): VendorAnswer {
  if (request.path !== PATH) return stored(request);
  if (request.method !== 'POST') return refused(405, 'Method not allowed.');
  let body: ResponsesRequest;
  try {
    body = JSON.parse(request.body.toString()) as ResponsesRequest;
  } catch {
    return refused(400, 'We could not parse the JSON body of your request.');
  }
  const wrong = checkResponsesRequest(body);
  if (wrong) {
    const error = {
      message: wrong.message,
      type: 'invalid_request_error',
      param: wrong.param,
      code: wrong.code,
    };
    return { kind: 'Refused', status: 400, body: JSON.stringify({ error }) };
  }
  const { previous_response_id: previous } = body;
  if (previous != null && !kept.has(previous)) {
    return refused(400, `Previous response with id '${previous}' not found.`, 'previous_response_not_found');
  }
  const composed = composeResponse(body, request.body, behaviour);
  if (body.store !== false) keep(composed);
  const headers = { 'x-request-id': `req_${composed.id.slice(-16)}`, 'openai-processing-ms': '5' };
  if (body.stream === true) {
    return { kind: 'Stream', events: responseEvents(composed, behaviour.argumentsAtEnd === true), headers };
  }
  return { kind: 'Whole', body: JSON.stringify(composed.whole), headers };
}

function keep(composed: ComposedResponse): void {
  kept.set(composed.id, composed);
  for (const [oldest] of kept) {
    if (kept.size <= MAX_KEPT) return;
    kept.delete(oldest);
  }
}

/** `GET` and `DELETE` of an answer, its cancellation, and its input. */
function stored({ method, path }: VendorRequest): VendorAnswer {
  const [id = '', rest] = path.slice(PATH.length + 1).split('/');
  const found = kept.get(id);
  if (!found) return refused(404, `Response with id '${id}' not found.`);
  if (method === 'DELETE' && rest === undefined) {
    kept.delete(id);
    return whole({ id, object: 'response', deleted: true });
  }
  if (method === 'POST' && rest === 'cancel') return whole({ ...found.whole, status: 'cancelled' });
  if (method === 'GET' && rest === 'input_items') return whole({ object: 'list', data: [], has_more: false });
  return method === 'GET' && rest === undefined ? whole(found.whole) : refused(404, 'Unknown request URL.');
}

const whole = (value: object): VendorAnswer => ({ kind: 'Whole', body: JSON.stringify(value), headers: {} });

function refused(status: number, message: string, code: string | null = null): VendorAnswer {
  return { kind: 'Refused', status, body: errorBody(message, 'invalid_request_error', code) };
}
