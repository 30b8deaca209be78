import Anthropic, { AuthenticationError } from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkAnthropicRequest } from '../../../dev/providers/anthropic-check.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { readAnthropicStream } from '../../sidecar/dialects/validators/anthropic.ts';

let provider: ScriptedProvider;
let client: Anthropic;
beforeEach(async () => {
  provider = await startScriptedProvider({ keys: ['k'] });
  client = new Anthropic({ baseURL: provider.url.replace('/v1', ''), apiKey: 'k', maxRetries: 0 });
});
afterEach(() => provider.close());

const HAIKU = 'claude-haiku-4-5';
const ask: Anthropic.MessageCreateParamsNonStreaming = {
  model: HAIKU,
  max_tokens: 4096,
  messages: [{ role: 'user', content: 'Hello' }],
};
const tools: Anthropic.Tool[] = [
  {
    name: 'lookup',
    input_schema: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
  },
];

describe('the stock SDK', () => {
  it('messages, streams, counts and models', async () => {
    const message = await client.messages.create(ask);
    expect(message.content).toMatchObject([
      { type: 'text', text: expect.stringMatching(/^the quick brown/) },
    ]);
    const streamed = await client.messages.stream(ask).finalMessage();
    expect(streamed.content).toEqual(message.content);
    expect(streamed.usage.output_tokens).toBe(12);
    const { input_tokens } = await client.messages.countTokens({ model: HAIKU, messages: ask.messages });
    expect(input_tokens).toBeGreaterThan(5);
    expect((await client.models.list()).data.map(({ id }) => id)).toContain('scripted-small');
  });

  it('thinking and tools over two turns, with signatures that are checked', async () => {
    const asked: Anthropic.MessageCreateParamsNonStreaming = {
      ...ask,
      tools,
      thinking: { type: 'enabled', budget_tokens: 1024 },
      messages: [{ role: 'user', content: 'Please lookup x' }],
    };
    provider.behaviour = { redactedThinking: true };
    const message = await client.messages.stream(asked).finalMessage();
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'redacted_thinking', 'tool_use']);
    expect(message.stop_reason).toBe('tool_use');
    const id = message.content.find((block) => block.type === 'tool_use')?.id ?? '';
    const next = (content: Anthropic.ContentBlockParam[]) =>
      client.messages.create({
        ...asked,
        messages: [
          ...asked.messages,
          { role: 'assistant', content },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'found' }] },
        ],
      });
    expect((await next(message.content)).stop_reason).toBe('end_turn');
    await expect(next(message.content.slice(2))).rejects.toThrow(/Expected `thinking`/);
    const forged = message.content.map((block) =>
      block.type === 'thinking' ? { ...block, thinking: 'no' } : block,
    );
    await expect(next(forged)).rejects.toThrow(/Invalid `signature`/);
  });

  it('usage: with the start, or split at the end', async () => {
    provider.behaviour = { cachedTokens: 8, cacheWriteTokens: 4, reasoningTokens: 3 };
    const usage = { cache_read_input_tokens: 8, cache_creation_input_tokens: 4, output_tokens: 15 };
    expect((await client.messages.create(ask)).usage).toMatchObject(usage);
    expect((await client.messages.stream(ask).finalMessage()).usage).toMatchObject(usage);
    provider.behaviour = { ...provider.behaviour, streamUsage: 'FinishChunk' };
    expect((await client.messages.stream(ask).finalMessage()).usage).toMatchObject(usage);
  });

  it('stop sequences and caps', async () => {
    const stopped = await client.messages.create({ ...ask, stop_sequences: ['fox'] });
    expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'fox' });
    expect((await client.messages.create({ ...ask, max_tokens: 2 })).stop_reason).toBe('max_tokens');
  });
});

describe('misbehaves as told', () => {
  it('in answers and in streams', async () => {
    provider.behaviour = { failure: { kind: 'Status', status: 529, message: 'Overloaded' } };
    await expect(client.messages.create(ask)).rejects.toMatchObject({
      status: 529,
      type: 'overloaded_error',
    });
    provider.behaviour = { failure: { kind: 'QuotaExhausted' } };
    await expect(client.messages.create(ask)).rejects.toThrow(/credit balance is too low/);
    provider.behaviour = { failure: { kind: 'ErrorInStream', afterEvents: 4 } };
    await expect(client.messages.stream(ask).finalMessage()).rejects.toMatchObject({
      type: 'overloaded_error',
    });
    const wrong = new Anthropic({ baseURL: provider.url.replace('/v1', ''), apiKey: 'x', maxRetries: 0 });
    await expect(wrong.messages.create(ask)).rejects.toBeInstanceOf(AuthenticationError);
  });

  it('its streams keep the rules, pings included', async () => {
    const response = await fetch(`${provider.url}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': 'k' },
      body: JSON.stringify({ ...ask, stream: true }),
    });
    const text = await response.text();
    expect(text).toContain('event: ping');
    expect(readAnthropicStream(Buffer.from(text)).stopReason).toBe('end_turn');
  });
});

describe('refuses what the API refuses', () => {
  const user = { role: 'user', content: 'x' };
  const call = { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'lookup', input: {} }] };
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'r' }] };
  it.each([
    ['model: Field required', { model: undefined }],
    ['max_tokens: Field required', { max_tokens: undefined }],
    ['seed: Extra inputs', { seed: 1 }],
    ['first message must use the "user" role', { messages: [{ role: 'assistant', content: 'x' }] }],
    ['non-whitespace text', { messages: [{ role: 'user', content: ' ' }] }],
    ['`tool_use` ids were found without', { messages: [user, call, user], tools }],
    ['unexpected `tool_use_id`', { messages: [user, result], tools }],
    ['must define tools', { messages: [user, call, result] }],
    ['trailing whitespace', { messages: [user, { role: 'assistant', content: '1. ' }] }],
    [
      'does not support assistant message prefill',
      { model: 'claude-opus-4-6', messages: [user, { role: 'assistant', content: '1.' }] },
    ],
    ["Input should be 'user' or 'assistant'", { messages: [user, { role: 'system', content: 'x' }] }],
    ['greater than or equal to 1024', { thinking: { type: 'enabled', budget_tokens: 10 } }],
    ['must be greater than `thinking.budget_tokens`', { thinking: { type: 'enabled', budget_tokens: 9000 } }],
    [
      'forces tool use',
      { tools, tool_choice: { type: 'any' }, thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    ['only be set to 1', { temperature: 0, thinking: { type: 'enabled', budget_tokens: 1024 } }],
    [
      'thinking.type.enabled',
      { model: 'claude-opus-4-8', thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    ['adaptive thinking is not supported', { thinking: { type: 'adaptive' } }],
    ['temperature: range', { temperature: 1.5 }],
    ['cannot both be specified', { temperature: 1, top_p: 0.5 }],
    ['top_k: this parameter', { model: 'claude-opus-4-8', top_k: 1 }],
    ['effort parameter', { output_config: { effort: 'low' } }],
    [
      "'additionalProperties' must",
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
    ],
    ['non-whitespace', { stop_sequences: ['\n'] }],
    ['Tool names must be unique', { tools: [...tools, ...tools] }],
    ['may only be specified while providing tools', { tool_choice: { type: 'any' } }],
    [
      'Only HTTPS URLs',
      {
        messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'http://x' } }] }],
      },
    ],
  ])('%s', (message, rest) => {
    const body = JSON.parse(JSON.stringify({ ...ask, ...rest })) as unknown;
    expect(checkAnthropicRequest(body)).toContain(message);
    expect(checkAnthropicRequest(ask)).toBeUndefined();
  });
});

it('version 2026-10-21 takes no sampling parameters; the one before does', async () => {
  const sampled = { ...ask, temperature: 1 };
  await expect(client.messages.create(sampled)).rejects.toThrow(
    /temperature: Extra inputs are not permitted/,
  );
  const headers = { 'anthropic-version': '2023-06-01' };
  expect((await client.messages.create(sampled, { headers })).stop_reason).toBe('end_turn');
  await expect(
    client.messages.create(ask, { headers: { 'anthropic-version': '2020-01-01' } }),
  ).rejects.toThrow(/not a valid version/);
});
