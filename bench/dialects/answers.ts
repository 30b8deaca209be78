/** What scripted vendors of each dialect answer, made once: so that answering costs every vendor the same. */
import type { Behaviour } from '../../dev/providers/behaviour.ts';
import { answer, completeBody, type ParsedRequest, streamEvents } from '../../dev/providers/openai-bodies.ts';
import type { VendorRequest } from '../../dev/providers/vendor.ts';
import { VENDORS } from '../../dev/providers/vendors.ts';

export interface Rendered {
  headers: Record<string, string>;
  /** One write each. */
  pieces: Buffer[];
}

/** Pieces of text in every answer. */
export const EVENTS = 50;
const BEHAVIOUR = {
  text: Array.from({ length: EVENTS }, (_, i) => ` word${i}`).join(''),
  reasoningTokens: 9,
};
const STREAM = { 'content-type': 'text/event-stream; charset=utf-8' };
const WHOLE = { 'content-type': 'application/json' };

export function render(request: VendorRequest, behaviour: Behaviour = BEHAVIOUR): Rendered {
  const vendor = VENDORS.find((one) => one.serves(request));
  if (vendor === undefined) return renderChat(request.body, behaviour);
  const answered = vendor.answer(request, behaviour);
  if (answered.kind === 'Refused') throw new Error(`${request.path}: ${answered.body}`);
  if (answered.kind === 'Whole') {
    return { headers: { ...WHOLE, ...answered.headers }, pieces: [Buffer.from(answered.body)] };
  }
  return {
    headers: { ...STREAM, ...answered.headers },
    pieces: answered.events.map((event) => Buffer.from(event as string)),
  };
}

function renderChat(body: Buffer, behaviour: Behaviour): Rendered {
  const request = JSON.parse(body.toString()) as ParsedRequest;
  const said = answer(request, body, behaviour);
  if (request.stream !== true) {
    return { headers: WHOLE, pieces: [Buffer.from(completeBody('chat', request, said))] };
  }
  const events = streamEvents('chat', request, said, 'OnRequest');
  return { headers: STREAM, pieces: events.map((event) => Buffer.from(event)) };
}

const SAY = { max_tokens: 4096, stream: true, messages: [{ role: 'user', content: 'Hello' }] };
const PARTS = [{ text: 'Hello' }];

/** A request for a stream in each dialect. */
const REQUESTS: Readonly<Record<string, [path: string, body: object]>> = {
  'openai-chat': ['/v1/chat/completions', { model: 'm', ...SAY }],
  'openai-responses': [
    '/v1/responses',
    { model: 'm', stream: true, store: false, input: [{ role: 'user', content: 'Hello' }] },
  ],
  'anthropic-messages': ['/v1/messages', { model: 'claude-sonnet-4-5', ...SAY }],
  gemini: [
    '/v1beta/models/gemini-3-flash-preview:streamGenerateContent',
    { contents: [{ role: 'user', parts: PARTS }] },
  ],
  'bedrock-converse': [
    '/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse-stream',
    { messages: [{ role: 'user', content: PARTS }] },
  ],
  'cohere-chat': ['/v2/chat', { model: 'command-a-03-2025', ...SAY }],
};

/** A stream of the dialect as its vendor sends it. */
export function streamOf(dialect: string): Buffer[] {
  const [path, body] = requestOf(dialect);
  return render({ method: 'POST', path, headers: HEADERS, body: Buffer.from(JSON.stringify(body)) }).pieces;
}

/** A stream that calls a tool. */
export function callsOf(dialect: string): Buffer[] {
  const [path, body] = requestOf(dialect);
  const request = { method: 'POST', path, headers: HEADERS, body: Buffer.from(JSON.stringify(body)) };
  return render(request, { toolCall: { name: 'f', arguments: '{"a":"b"}' } }).pieces;
}

/** The same answer in one piece. */
export function wholeOf(dialect: string): Buffer {
  const [path, body] = requestOf(dialect);
  const request = {
    method: 'POST',
    path: path.replace('converse-stream', 'converse').replace('streamGenerateContent', 'generateContent'),
    headers: HEADERS,
    body: Buffer.from(JSON.stringify({ ...body, ...('stream' in body && { stream: false }) })),
  };
  return Buffer.concat(render(request).pieces);
}

const HEADERS = {
  'content-type': 'application/json',
  'anthropic-version': '2023-06-01',
  'x-api-key': 'k',
};

function requestOf(dialect: string): [path: string, body: object] {
  const found = REQUESTS[dialect];
  if (!found) throw new Error(`no vendor speaks ${dialect}`);
  return found;
}
