/** OpenAI Responses as the vendor writes them: response objects and stream events, deterministic for a request. */
import { createHash } from 'node:crypto';
import type { Behaviour } from './behaviour.ts';
import { words } from './openai-bodies.ts';
import { exampleOf } from './schema-example.ts';

const CREATED = 1_780_000_000;
const THOUGHT = 'The user wants an answer, so I will give one.';

interface Item {
  type?: string;
  role?: string;
  content?: string | { text?: string }[];
}

/** The members of a request that shape the answer. */
export interface ResponsesRequest {
  model?: string;
  input?: string | Item[];
  include?: string[];
  instructions?: string | null;
  max_output_tokens?: number | null;
  metadata?: object | null;
  parallel_tool_calls?: boolean;
  previous_response_id?: string | null;
  reasoning?: { effort?: string; summary?: string | null } | null;
  store?: boolean | null;
  stream?: boolean | null;
  background?: boolean | null;
  text?: { format?: { type: string; schema?: unknown } };
  tool_choice?: unknown;
  tools?: { type: string; name?: string; parameters?: unknown }[];
}

type Output = Record<string, unknown> & { id: string; type: string };

export interface ComposedResponse {
  id: string;
  /** The object of a response that has ended. */
  whole: Record<string, unknown>;
  output: Output[];
  /** Text in the pieces it is streamed in. */
  tokens: string[];
}

function lastText({ input }: ResponsesRequest): string {
  if (typeof input === 'string') return input;
  const last = input?.at(-1);
  if (last?.role !== 'user') return '';
  return typeof last.content === 'string'
    ? last.content
    : (last.content ?? []).map((part) => part.text ?? '').join(' ');
}

interface WantedCall {
  name: string;
  arguments: string;
}

/** A call where the last words of the user name an offered function, or a call is forced. */
function callsOf(request: ResponsesRequest, behaviour: Behaviour): WantedCall[] {
  if (behaviour.toolCall) return [behaviour.toolCall];
  const asked = lastText(request);
  const { tool_choice: choice, tools = [] } = request;
  const forced =
    typeof choice === 'object' && choice !== null ? (choice as { name?: string }).name : undefined;
  const named = tools.filter(({ name }) => name !== undefined && (name === forced || asked.includes(name)));
  if (choice === 'required' && named.length === 0) named.push(...tools.slice(0, 1));
  if (choice === 'none') return [];
  return named.slice(0, request.parallel_tool_calls === false ? 1 : 4).map(({ name = '', parameters }) => ({
    name,
    arguments: JSON.stringify(parameters === undefined ? { query: asked } : exampleOf(parameters)),
  }));
}

export function composeResponse(
  request: ResponsesRequest,
  raw: Buffer,
  behaviour: Behaviour,
): ComposedResponse {
  const digest = createHash('sha256').update(raw).digest('hex');
  const suffix = digest.slice(0, 24);
  const calls = callsOf(request, behaviour);
  const schema = request.text?.format?.type === 'json_schema' ? request.text.format.schema : undefined;
  const all =
    calls.length > 0 ? [] : schema === undefined ? words(behaviour) : [JSON.stringify(exampleOf(schema))];
  const tokens = all.slice(0, request.max_output_tokens ?? all.length);
  const cut = tokens.length < all.length;
  const output: Output[] = [];
  const reasoning = behaviour.reasoningTokens ?? 0;
  if (reasoning > 0) {
    output.push({
      id: `rs_${suffix}`,
      type: 'reasoning',
      summary: request.reasoning?.summary == null ? [] : [{ type: 'summary_text', text: THOUGHT }],
      ...(request.include?.includes('reasoning.encrypted_content')
        ? { encrypted_content: `gAAAA${digest}` }
        : {}),
    });
  }
  if (tokens.length > 0) {
    output.push({
      id: `msg_${suffix}`,
      type: 'message',
      status: cut ? 'incomplete' : 'completed',
      content: [{ type: 'output_text', annotations: [], logprobs: [], text: tokens.join('') }],
      role: 'assistant',
    });
  }
  for (const [index, call] of calls.entries()) {
    const id = `${suffix}${index}`;
    output.push({
      id: `fc_${id}`,
      type: 'function_call',
      status: 'completed',
      ...call,
      call_id: `call_${id.slice(-12)}`,
    });
  }
  const input = Math.max(1, Math.ceil(raw.length / 4));
  const written = tokens.length + calls.length * 8 + reasoning;
  const id = `resp_${suffix}`;
  return {
    id,
    output,
    tokens,
    whole: {
      id,
      object: 'response',
      created_at: CREATED,
      status: cut ? 'incomplete' : 'completed',
      background: request.background ?? false,
      error: null,
      incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
      instructions: request.instructions ?? null,
      max_output_tokens: request.max_output_tokens ?? null,
      metadata: request.metadata ?? {},
      model: `${request.model ?? 'unknown'}-2026-01-01`,
      output,
      parallel_tool_calls: request.parallel_tool_calls ?? true,
      previous_response_id: request.previous_response_id ?? null,
      reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
      service_tier: behaviour.serviceTier ?? 'default',
      store: request.store ?? true,
      temperature: 1,
      text: request.text ?? { format: { type: 'text' } },
      tool_choice: request.tool_choice ?? 'auto',
      tools: request.tools ?? [],
      top_p: 1,
      truncation: 'disabled',
      usage: {
        input_tokens: input,
        input_tokens_details: {
          cached_tokens: Math.min(behaviour.cachedTokens ?? 0, input),
          cache_write_tokens: 0,
        },
        output_tokens: written,
        output_tokens_details: { reasoning_tokens: reasoning },
        total_tokens: input + written,
      },
      user: null,
    },
  };
}

/** The events of a stream in order, each with its blank line. */
export function responseEvents(
  { whole, output, tokens }: ComposedResponse,
  argumentsAtEnd: boolean,
): string[] {
  const events: string[] = [];
  const say = (type: string, members: object): void => {
    const data = JSON.stringify({ type: `response.${type}`, sequence_number: events.length, ...members });
    events.push(`event: response.${type}\ndata: ${data}\n\n`);
  };
  const begun = { ...whole, status: 'in_progress', incomplete_details: null, output: [], usage: null };
  say('created', { response: begun });
  say('in_progress', { response: begun });
  for (const [output_index, item] of output.entries()) {
    const place = { item_id: item.id, output_index };
    if (item.type === 'message') {
      const part = { content_index: 0, ...place };
      const [content] = item.content as object[];
      say('output_item.added', { output_index, item: { ...item, status: 'in_progress', content: [] } });
      say('content_part.added', {
        ...part,
        part: { type: 'output_text', annotations: [], logprobs: [], text: '' },
      });
      for (const delta of tokens) say('output_text.delta', { ...part, delta, logprobs: [] });
      say('output_text.done', { ...part, text: tokens.join(''), logprobs: [] });
      say('content_part.done', { ...part, part: content });
    } else if (item.type === 'reasoning') {
      say('output_item.added', {
        output_index,
        item: { ...item, summary: [], encrypted_content: undefined },
      });
      for (const [summary_index, part] of (item.summary as { text: string }[]).entries()) {
        const summary = { ...place, summary_index };
        say('reasoning_summary_part.added', { ...summary, part: { type: 'summary_text', text: '' } });
        for (const delta of part.text.match(/\s*\S+/g) ?? [])
          say('reasoning_summary_text.delta', { ...summary, delta });
        say('reasoning_summary_text.done', { ...summary, text: part.text });
        say('reasoning_summary_part.done', { ...summary, part });
      }
    } else {
      const args = item.arguments as string;
      say('output_item.added', { output_index, item: { ...item, status: 'in_progress', arguments: '' } });
      const pieces = argumentsAtEnd ? [] : (args.match(/[\s\S]{1,8}/g) ?? []);
      for (const delta of pieces) say('function_call_arguments.delta', { ...place, delta });
      say('function_call_arguments.done', { ...place, arguments: args });
    }
    say('output_item.done', { output_index, item });
  }
  say(whole.status as string, { response: whole });
  return events;
}
