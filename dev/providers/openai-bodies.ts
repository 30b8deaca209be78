/** The OpenAI wire format as a vendor writes it: complete bodies and stream events, deterministic for a request. */
import { createHash } from 'node:crypto';
import type { Behaviour, StreamUsage } from './behaviour.ts';
import { EMBEDDING_LENGTH, embeddingOf } from './embedding.ts';
import { exampleOf } from './schema-example.ts';
import type { FailureShape } from './vendor.ts';

interface Message {
  role: string;
  content?: string | { type: string; text?: string }[] | null;
}

/** A text, or its tokens. */
type EmbeddedInput = string | number | number[];

/** The members of a request body that shape the answer. */
export interface ParsedRequest {
  model?: string;
  messages?: Message[];
  prompt?: string | string[];
  input?: string | EmbeddedInput[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean } | null;
  max_tokens?: number;
  max_completion_tokens?: number;
  n?: number;
  tools?: { type: string; function?: { name: string; parameters?: unknown } }[];
  tool_choice?: string | { type: string; function?: { name: string } };
  response_format?: { type: string; json_schema?: { schema?: unknown } };
  encoding_format?: 'float' | 'base64';
  dimensions?: number;
}

export type Endpoint = 'chat' | 'completions' | 'embeddings';

const WORDS =
  'the quick brown fox jumps over a lazy dog while seven wizards mix bold new jars of quartz'.split(' ');
const CREATED = 1_780_000_000;

/** An answer before it is put on the wire. */
export interface Answer {
  id: string;
  model: string;
  tokens: string[];
  calls: { id: string; name: string; arguments: string }[];
  finish: 'stop' | 'length' | 'tool_calls';
  serviceTier: string;
  usage: Record<string, unknown>;
}

function lastUserText(request: ParsedRequest): string {
  const last = request.messages?.at(-1);
  if (last?.role !== 'user') return '';
  if (typeof last.content === 'string') return last.content;
  return (last.content ?? []).map((part) => part.text ?? '').join(' ');
}

/** The text of an answer, in the pieces it is streamed in. */
export function words({ text, outputTokens = 12 }: Behaviour): string[] {
  return text === undefined
    ? Array.from({ length: outputTokens }, (_, i) => `${i === 0 ? '' : ' '}${WORDS[i % WORDS.length]}`)
    : (text.match(/\s*\S+/g) ?? [text]);
}

/** Composes the answer a healthy vendor would give; the same request always gets the same one. */
export function answer(request: ParsedRequest, raw: Buffer, behaviour: Behaviour): Answer {
  const digest = createHash('sha256').update(raw).digest('hex');
  const cap = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const schema = behaviour.text === undefined ? schemaOf(request) : undefined;
  const all =
    schema === undefined ? words(behaviour) : [JSON.stringify(exampleOf(schema, lastUserText(request)))];
  const tokens = all.slice(0, cap);
  const calls = callsOf(request, behaviour).map((call, i) => ({
    id: `call_${digest.slice(12 + i, 24 + i)}`,
    ...call,
  }));
  const reasoning = behaviour.reasoningTokens ?? 0;
  const prompt = Math.max(1, Math.ceil(raw.length / 4));
  const cached = Math.min(behaviour.cachedTokens ?? 0, prompt);
  const audio = behaviour.audioTokens ?? 0;
  const completion =
    (calls.length > 0 ? 8 * calls.length : tokens.length) * (request.n ?? 1) + reasoning + audio;
  return {
    id: `chatcmpl-${digest.slice(0, 24)}`,
    model: `${request.model ?? 'unknown'}-2026-01-01`,
    tokens,
    calls,
    finish: calls.length > 0 ? 'tool_calls' : tokens.length < all.length ? 'length' : 'stop',
    serviceTier: behaviour.serviceTier ?? 'default',
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      prompt_tokens_details: {
        cached_tokens: cached,
        audio_tokens: Math.min(audio, prompt - cached),
      },
      completion_tokens_details: {
        reasoning_tokens: reasoning,
        audio_tokens: audio,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
  };
}

/** Functions that the user's last words name, or that must be called. */
function callsOf(request: ParsedRequest, behaviour: Behaviour): { name: string; arguments: string }[] {
  if (behaviour.toolCall) return [behaviour.toolCall];
  const { tools = [], tool_choice: choice } = request;
  const asked = lastUserText(request);
  const offered = tools.flatMap((tool) => tool.function ?? []);
  const forced = typeof choice === 'object' ? choice.function?.name : undefined;
  let called = offered.filter(({ name }) => (forced === undefined ? asked.includes(name) : name === forced));
  if (choice === 'none') called = [];
  if (choice === 'required' && called.length === 0) called = offered.slice(-1);
  return called.map(({ name, parameters }) => ({
    name,
    arguments: JSON.stringify(parameters === undefined ? { query: asked } : exampleOf(parameters, asked)),
  }));
}

function schemaOf({ response_format: format }: ParsedRequest): unknown {
  if (format?.type === 'json_object') return {};
  return format?.type === 'json_schema' ? (format.json_schema?.schema ?? {}) : undefined;
}

/** A complete, non-streamed body. */
export function completeBody(endpoint: Endpoint, request: ParsedRequest, a: Answer): string {
  if (endpoint === 'embeddings') return embeddingsBody(request, a);
  const choices = Array.from({ length: request.n ?? 1 }, (_, index) =>
    endpoint === 'chat'
      ? {
          index,
          message:
            a.calls.length > 0
              ? {
                  role: 'assistant',
                  content: null,
                  tool_calls: a.calls.map(({ id, ...call }) => ({ id, type: 'function', function: call })),
                  refusal: null,
                  annotations: [],
                }
              : { role: 'assistant', content: a.tokens.join(''), refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: a.finish,
        }
      : { index, text: a.tokens.join(''), logprobs: null, finish_reason: a.finish },
  );
  return JSON.stringify({
    id: a.id,
    object: endpoint === 'chat' ? 'chat.completion' : 'text_completion',
    created: CREATED,
    model: a.model,
    choices,
    usage: a.usage,
    service_tier: a.serviceTier,
    system_fingerprint: 'fp_scripted',
  });
}

const textOf = (input: EmbeddedInput): string => (typeof input === 'string' ? input : JSON.stringify(input));

function embeddingsBody(request: ParsedRequest, a: Answer): string {
  const inputs = typeof request.input === 'string' ? [request.input] : (request.input ?? []);
  const length = request.dimensions ?? EMBEDDING_LENGTH;
  const data = inputs.map((input, index) => {
    const vector = embeddingOf(textOf(input), length);
    const embedding =
      request.encoding_format === 'base64'
        ? Buffer.from(vector.buffer).toString('base64')
        : Array.from(vector);
    return { object: 'embedding', index, embedding };
  });
  return JSON.stringify({
    object: 'list',
    data,
    model: a.model,
    usage: { prompt_tokens: a.usage['prompt_tokens'], total_tokens: a.usage['prompt_tokens'] },
  });
}

/** The events of a stream in order, `[DONE]` included, each with its blank line. */
export function streamEvents(
  endpoint: Endpoint,
  request: ParsedRequest,
  a: Answer,
  streamUsage: StreamUsage,
): string[] {
  const asked = request.stream_options?.include_usage === true;
  const nulls = streamUsage === 'OnRequest' && asked;
  const last = streamUsage === 'Always' || nulls;
  const base = {
    id: a.id,
    object: endpoint === 'chat' ? 'chat.completion.chunk' : 'text_completion',
    created: CREATED,
    model: a.model,
    service_tier: a.serviceTier,
    system_fingerprint: 'fp_scripted',
  };
  const chunk = (choice: object, usage?: unknown): string =>
    `data: ${JSON.stringify({
      ...base,
      choices: [choice],
      ...(usage === undefined ? (nulls ? { usage: null } : {}) : { usage }),
    })}\n\n`;
  const events: string[] = [];
  for (let index = 0; index < (request.n ?? 1); index++) {
    if (endpoint === 'chat') {
      const delta = (d: object, finish: string | null = null) => ({
        index,
        delta: d,
        logprobs: null,
        finish_reason: finish,
      });
      events.push(
        chunk(delta({ role: 'assistant', content: a.calls.length > 0 ? null : '', refusal: null })),
      );
      for (const [at, { id, name, arguments: input }] of a.calls.entries()) {
        const start = { index: at, id, type: 'function', function: { name, arguments: '' } };
        events.push(chunk(delta({ tool_calls: [start] })));
        for (const piece of input.match(/[\s\S]{1,8}/g) ?? []) {
          events.push(chunk(delta({ tool_calls: [{ index: at, function: { arguments: piece } }] })));
        }
      }
      if (a.calls.length === 0) for (const token of a.tokens) events.push(chunk(delta({ content: token })));
      events.push(chunk(delta({}, a.finish), streamUsage === 'FinishChunk' ? a.usage : undefined));
    } else {
      for (const token of a.tokens)
        events.push(chunk({ index, text: token, logprobs: null, finish_reason: null }));
      events.push(
        chunk(
          { index, text: '', logprobs: null, finish_reason: a.finish },
          streamUsage === 'FinishChunk' ? a.usage : undefined,
        ),
      );
    }
  }
  if (last) events.push(`data: ${JSON.stringify({ ...base, choices: [], usage: a.usage })}\n\n`);
  events.push('data: [DONE]\n\n');
  return events;
}

/** An error body in OpenAI's shape. */
export function errorBody(message: string, type: string, code: string | null): string {
  return JSON.stringify({ error: { message, type, param: null, code } });
}

export const OPENAI_SHAPE: FailureShape = {
  error: ({ message, type, code }) => errorBody(message, type ?? 'server_error', code ?? null),
  quota: {
    status: 429,
    body: errorBody('You exceeded your current quota.', 'insufficient_quota', 'insufficient_quota'),
  },
  rateLimit: errorBody('Rate limit reached for requests', 'requests', 'rate_limit_exceeded'),
  garbage: '{"id":"chatcmpl-broken","choices":[{"index":0,"mess',
  inStream: (code) =>
    `data: ${errorBody('The server had an error while processing your request.', 'server_error', code ?? null)}\n\n`,
  ping: ': ping\n\n',
};
