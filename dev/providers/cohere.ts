/** Cohere's API, version 2, as the scripted provider speaks it: chat, embed and rerank. */
import { createHash } from 'node:crypto';
import type { Behaviour } from './behaviour.ts';
import { checkCohereRequest } from './cohere-check.ts';
import { type Composed, compose } from './composed.ts';
import { EMBEDDING_LENGTH, embeddingOf } from './embedding.ts';
import type { Json } from './json.ts';
import type { FailureShape, Vendor, VendorAnswer, VendorRequest } from './vendor.ts';

const PATH = /^\/v[12]\/(chat|embed|rerank)$/;
const PER_SEARCH = 100;

const said = (message: string): string => JSON.stringify({ id: 'scripted', message });

const SHAPE: FailureShape = {
  error: ({ message }) => said(message),
  quota: {
    status: 402,
    body: said('You have reached your billing limit. Please update your billing settings.'),
  },
  rateLimit: said('You are using a Trial key, which is limited to 10 API calls / minute.'),
  garbage: '{"id":"broken","message":{"role":"assis',
  inStream: (code) =>
    sse({
      type: 'message-end',
      delta: { finish_reason: 'ERROR', error: code ?? 'internal error', usage: {} },
    }),
  ping: ': ping\n\n',
};

export const COHERE: Vendor = {
  serves: ({ path }) => PATH.test(path),
  key: (headers) => (headers.authorization ?? '').replace(/^bearer /i, ''),
  shape: SHAPE,
  unauthorized: said('invalid api token'),
  answer,
};

const sse = (event: { type: string } & Json): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

function refused(status: number, message: string): VendorAnswer {
  return { kind: 'Refused', status, body: said(message) };
}

function answer({ path, body }: VendorRequest, behaviour: Behaviour): VendorAnswer {
  const endpoint = PATH.exec(path)?.[1];
  let request: Json;
  try {
    request = JSON.parse(body.toString()) as Json;
  } catch {
    return refused(400, 'invalid json syntax');
  }
  const headers = { 'x-debug-trace-id': createHash('sha256').update(body).digest('hex').slice(0, 32) };
  if (endpoint === 'embed') return embed(request, headers);
  if (endpoint === 'rerank') return rerank(request, headers);
  const problem = checkCohereRequest(request);
  if (problem !== undefined) return refused(400, problem);
  const composed = compose(wantedOf(request), body, behaviour);
  return request.stream === true
    ? { kind: 'Stream', events: events(composed), headers }
    : { kind: 'Whole', body: JSON.stringify(whole(composed)), headers };
}

function wantedOf(request: Json): Parameters<typeof compose>[0] {
  const last = (request.messages as { role: string; content?: string | { text?: string }[] }[]).at(-1);
  const content = last?.role === 'user' ? last.content : '';
  const tools = (request.tools ?? []) as { function: { name: string; parameters: unknown } }[];
  const format = request.response_format as { type: string; json_schema?: unknown } | undefined;
  const thinking = request.thinking as { type: string } | undefined;
  return {
    text: typeof content === 'string' ? content : (content ?? []).map(({ text = '' }) => text).join(' '),
    tools: tools.map(({ function: { name, parameters } }) => ({ name, schema: parameters })),
    choice: request.tool_choice === 'NONE' ? 'none' : request.tool_choice === 'REQUIRED' ? 'any' : 'auto',
    schema: format?.type === 'json_object' ? (format.json_schema ?? {}) : undefined,
    cap: request.max_tokens as number | undefined,
    stop: (request.stop_sequences ?? []) as string[],
    thinks: thinking?.type === 'enabled',
  };
}

const FINISH = {
  Done: 'COMPLETE',
  Cap: 'MAX_TOKENS',
  Calls: 'TOOL_CALL',
  Sequence: 'STOP_SEQUENCE',
} as const;
const PLAN = 'I will use the tool.';

function usageOf({ usage }: Composed): Json {
  const { prompt, cached, visible, reasoning } = usage;
  const output = visible + reasoning;
  return {
    billed_units: { input_tokens: prompt, output_tokens: output },
    tokens: { input_tokens: prompt + 60, output_tokens: output },
    cached_tokens: cached,
  };
}

const callOf = ({ name, input }: Composed['calls'][number], digest: string, at: number) => ({
  id: `${name}_${digest.slice(at * 8, at * 8 + 12)}`,
  type: 'function',
  function: { name, arguments: JSON.stringify(input) },
});

function whole(composed: Composed): Json {
  const { digest, thought, tokens, calls, ended } = composed;
  const content: Json[] = [];
  if (thought !== undefined) content.push({ type: 'thinking', thinking: thought });
  if (tokens.length > 0) content.push({ type: 'text', text: tokens.join('') });
  return {
    id: digest.slice(0, 36),
    message: {
      role: 'assistant',
      ...(content.length > 0 && { content }),
      ...(calls.length > 0 && {
        tool_plan: PLAN,
        tool_calls: calls.map((call, at) => callOf(call, digest, at)),
      }),
    },
    finish_reason: FINISH[ended],
    usage: usageOf(composed),
  };
}

function events(composed: Composed): string[] {
  const { digest, thought, tokens, calls, ended } = composed;
  const out: string[] = [];
  const send = (type: string, message: Json | undefined, more: Json = {}): void => {
    out.push(sse({ type, ...more, ...(message && { delta: { message } }) }));
  };
  let index = 0;
  const block = (type: 'text' | 'thinking', pieces: readonly string[]): void => {
    send('content-start', { content: { type, [type]: '' } }, { index });
    for (const piece of pieces) send('content-delta', { content: { [type]: piece } }, { index });
    send('content-end', undefined, { index: index++ });
  };
  send('message-start', { role: 'assistant' }, { id: digest.slice(0, 36) });
  if (thought !== undefined) block('thinking', thought.match(/.{1,12}/g) ?? []);
  if (tokens.length > 0) block('text', tokens);
  if (calls.length > 0)
    for (const piece of PLAN.match(/.{1,6}/g) ?? []) send('tool-plan-delta', { tool_plan: piece });
  calls.forEach((call, at) => {
    const { id, type, function: inner } = callOf(call, digest, at);
    send(
      'tool-call-start',
      { tool_calls: { id, type, function: { name: inner.name, arguments: '' } } },
      { index: at },
    );
    for (const piece of inner.arguments.match(/[\s\S]{1,8}/g) ?? []) {
      send('tool-call-delta', { tool_calls: { function: { arguments: piece } } }, { index: at });
    }
    send('tool-call-end', undefined, { index: at });
  });
  out.push(sse({ type: 'message-end', delta: { finish_reason: FINISH[ended], usage: usageOf(composed) } }));
  return out;
}

function embed(request: Json, headers: Record<string, string>): VendorAnswer {
  const {
    texts,
    model,
    input_type: kind,
    embedding_types: types = ['float'],
    output_dimension: length = EMBEDDING_LENGTH,
  } = request;
  if (typeof model !== 'string') return refused(400, 'model is required');
  if (typeof kind !== 'string')
    return refused(400, 'valid input_type must be provided with the provided model');
  if (!Array.isArray(texts) || texts.some((text) => typeof text !== 'string'))
    return refused(400, 'texts must be an array of strings');
  if (texts.length > 96) return refused(400, 'invalid request: total number of texts must be at most 96');
  const vectors = (texts as string[]).map((text) => embeddingOf(text, length as number));
  const embeddings = Object.fromEntries(
    (types as string[]).map((type) => [
      type,
      vectors.map((vector) =>
        type === 'base64' ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector),
      ),
    ]),
  );
  const meta = {
    api_version: { version: '2' },
    billed_units: { input_tokens: Math.ceil(texts.join('').length / 4) },
  };
  return {
    kind: 'Whole',
    body: JSON.stringify({ id: 'scripted', embeddings, texts, response_type: 'embeddings_by_type', meta }),
    headers,
  };
}

function rerank(request: Json, headers: Record<string, string>): VendorAnswer {
  const { model, query, documents, top_n: top } = request;
  if (typeof model !== 'string' || typeof query !== 'string')
    return refused(400, 'model and query are required');
  if (!Array.isArray(documents) || documents.length === 0)
    return refused(400, 'list of documents must not be empty');
  const words = query.toLowerCase().split(/\s+/);
  const results = (documents as unknown[])
    .map((document, index) => {
      const text = JSON.stringify(document).toLowerCase();
      return { index, relevance_score: words.filter((word) => text.includes(word)).length / words.length };
    })
    .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
    .slice(0, typeof top === 'number' ? top : undefined);
  const meta = {
    api_version: { version: '2' },
    billed_units: { search_units: Math.ceil(documents.length / PER_SEARCH) },
  };
  return { kind: 'Whole', body: JSON.stringify({ id: 'scripted', results, meta }), headers };
}
