/** Answers of the Anthropic API: whole and in events, the same for the same request. */
import { createHash } from 'node:crypto';
import { generation } from './anthropic-check.ts';
import { OMITTED_SIGNATURE, sealed, sign } from './anthropic-seal.ts';
import type { Behaviour } from './behaviour.ts';
import { words } from './openai-bodies.ts';
import { exampleOf } from './schema-example.ts';

interface Tool {
  name: string;
  input_schema?: unknown;
}

/** The members of a request that shape the answer. */
export interface AnthropicRequest {
  model?: string;
  max_tokens?: number;
  messages?: { role: string; content: string | { type: string; text?: string }[] }[];
  stream?: boolean;
  stop_sequences?: string[];
  tools?: Tool[];
  tool_choice?: { type: string; name?: string; disable_parallel_tool_use?: boolean };
  thinking?: { type: string; display?: string };
  output_config?: { format?: { schema: unknown } };
}

type Block =
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: unknown };

interface Answer {
  id: string;
  model: string;
  blocks: Block[];
  /** Text in the pieces it is streamed in. */
  tokens: string[];
  stopReason: string;
  stopSequence: string | null;
  usage: Record<string, unknown>;
  /** Of the first and the last event of a stream. */
  startUsage: Record<string, unknown>;
  endUsage: Record<string, unknown>;
}

const THOUGHT = 'The user wants an answer, so I will give one.';

export const countTokens = (body: Buffer): number => Math.max(1, Math.ceil(body.length / 4));

export function composeAnswer(request: AnthropicRequest, raw: Buffer, behaviour: Behaviour): Answer {
  const digest = createHash('sha256').update(raw).digest('hex');
  const blocks: Block[] = thinkingBlocks(request, behaviour);
  const calls = callsOf(request, behaviour);
  const schema = request.output_config?.format?.schema;
  const all =
    calls.length > 0 ? [] : schema === undefined ? words(behaviour) : [JSON.stringify(exampleOf(schema))];
  let tokens = all.slice(0, request.max_tokens ?? all.length);
  let stopReason = calls.length > 0 ? 'tool_use' : tokens.length < all.length ? 'max_tokens' : 'end_turn';
  const met = request.stop_sequences?.find((stop) => tokens.join('').includes(stop));
  if (met !== undefined) {
    const text = tokens.join('');
    tokens = [text.slice(0, text.indexOf(met))];
    stopReason = 'stop_sequence';
  }
  const text = tokens.join('');
  if (text !== '') blocks.push({ type: 'text', text });
  calls.forEach(({ name, input }, index) => {
    blocks.push({ type: 'tool_use', id: `toolu_${digest.slice(0, 20)}${index}`, name, input });
  });
  return {
    id: `msg_${digest.slice(0, 24)}`,
    model: request.model ?? '',
    blocks,
    tokens,
    stopReason,
    stopSequence: met ?? null,
    ...usageOf(raw, tokens.length + calls.length * 8, behaviour),
  };
}

function thinkingBlocks({ model = '', thinking }: AnthropicRequest, behaviour: Behaviour): Block[] {
  const always = /fable|mythos/.test(model);
  if (!always && thinking?.type !== 'enabled' && thinking?.type !== 'adaptive') return [];
  const hidden: Block[] = behaviour.redactedThinking
    ? [{ type: 'redacted_thinking', data: sealed(THOUGHT) }]
    : [];
  const omitted = (thinking?.display ?? (generation(model) >= 4.07 ? 'omitted' : 'summarized')) === 'omitted';
  if (omitted) return [{ type: 'thinking', thinking: '', signature: OMITTED_SIGNATURE }, ...hidden];
  return [{ type: 'thinking', thinking: THOUGHT, signature: sign(THOUGHT) }, ...hidden];
}

/** Tools that the last words of the user name, or that must be called. */
function callsOf(request: AnthropicRequest, behaviour: Behaviour): { name: string; input: unknown }[] {
  const { tools = [], tool_choice: choice } = request;
  if (behaviour.toolCall) {
    const { name, arguments: input } = behaviour.toolCall;
    return [{ name, input: JSON.parse(input) as unknown }];
  }
  if (choice?.type === 'none') return [];
  const last = request.messages?.at(-1);
  const asked =
    typeof last?.content === 'string'
      ? last.content
      : (last?.content ?? []).map((block) => block.text ?? '').join(' ');
  let called = tools.filter(({ name }) => last?.role === 'user' && asked.includes(name));
  if (choice?.type === 'tool') called = tools.filter(({ name }) => name === choice.name);
  if (choice?.type === 'any' && called.length === 0) called = tools.slice(-1);
  if (choice?.disable_parallel_tool_use) called = called.slice(0, 1);
  return called.map((tool) => ({ name: tool.name, input: exampleOf(tool.input_schema) }));
}

function usageOf(
  raw: Buffer,
  visible: number,
  behaviour: Behaviour,
): Pick<Answer, 'usage' | 'startUsage' | 'endUsage'> {
  const prompt = countTokens(raw);
  const read = Math.min(behaviour.cachedTokens ?? 0, prompt);
  const written = Math.min(behaviour.cacheWriteTokens ?? 0, prompt - read);
  const hour = raw.includes('"ttl":"1h"');
  const reasoning = behaviour.reasoningTokens ?? 0;
  const input = {
    input_tokens: prompt - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    cache_creation: {
      ephemeral_5m_input_tokens: hour ? 0 : written,
      ephemeral_1h_input_tokens: hour ? written : 0,
    },
  };
  const output = {
    output_tokens: visible + reasoning,
    ...(reasoning > 0 && { output_tokens_details: { thinking_tokens: reasoning } }),
  };
  const fast = behaviour.serviceTier === 'fast';
  const tier = fast
    ? { service_tier: 'standard', speed: 'fast' }
    : { service_tier: behaviour.serviceTier ?? 'standard' };
  const split = behaviour.streamUsage === 'FinishChunk';
  return {
    usage: { ...input, ...output, ...tier },
    // Some servers that imitate this API know of their cache at the end only.
    startUsage: split ? { input_tokens: prompt, output_tokens: 0 } : { ...input, output_tokens: 1, ...tier },
    endUsage: split ? { ...input, ...output } : output,
  };
}

export function completeBody(answer: Answer): string {
  const { id, model, blocks, stopReason, stopSequence, usage } = answer;
  return JSON.stringify({
    ...head(id, model),
    content: blocks,
    stop_reason: stopReason,
    stop_sequence: stopSequence,
    usage,
  });
}

const head = (id: string, model: string) => ({ id, type: 'message', role: 'assistant', model });

const sse = (type: string, rest: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;

export function streamEvents(answer: Answer): string[] {
  const { id, model, blocks, tokens, stopReason, stopSequence, startUsage, endUsage } = answer;
  const message = {
    ...head(id, model),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: startUsage,
  };
  const events = [sse('message_start', { message })];
  blocks.forEach((block, index) => {
    events.push(sse('content_block_start', { index, content_block: opened(block) }));
    if (index === 0) events.push(sse('ping'));
    for (const delta of deltas(block, tokens)) events.push(sse('content_block_delta', { index, delta }));
    events.push(sse('content_block_stop', { index }));
  });
  const delta = { stop_reason: stopReason, stop_sequence: stopSequence };
  events.push(sse('message_delta', { delta, usage: endUsage }), sse('message_stop'));
  return events;
}

function opened(block: Block): object {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' };
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'tool_use':
      return { ...block, input: {} };
    case 'redacted_thinking':
      return block;
  }
}

function deltas(block: Block, tokens: readonly string[]): object[] {
  switch (block.type) {
    case 'text':
      return tokens.map((text) => ({ type: 'text_delta', text }));
    case 'thinking':
      return [
        ...(block.thinking.match(/[\s\S]{1,16}/g) ?? []).map((thinking) => ({
          type: 'thinking_delta',
          thinking,
        })),
        { type: 'signature_delta', signature: block.signature },
      ];
    case 'tool_use': {
      const pieces = JSON.stringify(block.input).match(/[\s\S]{1,8}/g) ?? [];
      return ['', ...pieces].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    }
    case 'redacted_thinking':
      return [];
  }
}
