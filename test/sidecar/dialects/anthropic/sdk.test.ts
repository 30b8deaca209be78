import Anthropic, { BadRequestError, RateLimitError } from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../../dev/providers/server.ts';
import { ANTHROPIC_MESSAGES } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import {
  ANTHROPIC_MESSAGES_CALLER,
  ANTHROPIC_MESSAGES_VENDOR,
} from '../../../../sidecar/dialects/anthropic/formats.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { OPENAI_CHAT_CALLER, OPENAI_CHAT_VENDOR } from '../../../../sidecar/dialects/openai/formats.ts';
import { type CrossingServer, startCrossing } from '../support/crossing-server.ts';
import { readAnthropicStream } from '../validators/anthropic.ts';

let provider: ScriptedProvider;
let crossing: CrossingServer;
beforeEach(async () => {
  provider = await startScriptedProvider();
});
afterEach(async () => {
  await crossing.close();
  await provider.close();
});

const weather = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city', 'days'],
};

describe("Anthropic's client, served by a vendor that speaks OpenAI Chat", () => {
  let client: Anthropic;
  beforeEach(async () => {
    crossing = await startCrossing({
      dialect: ANTHROPIC_MESSAGES,
      caller: ANTHROPIC_MESSAGES_CALLER,
      wire: OPENAI_CHAT,
      vendor: OPENAI_CHAT_VENDOR,
      url: `${provider.url}/chat/completions`,
      headers: {},
      model: 'gpt-x',
    });
    client = new Anthropic({ baseURL: crossing.url, apiKey: 'k', maxRetries: 0 });
  });
  const base = { model: 'm', max_tokens: 256 };

  it('messages.create', async () => {
    const message = await client.messages.create({
      ...base,
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(message).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' });
    expect(message.content).toMatchObject([
      { type: 'text', text: expect.stringMatching(/^the quick brown/) },
    ]);
    expect(message.usage).toMatchObject({ output_tokens: 12 });
    expect(message.usage.input_tokens).toBeGreaterThan(0);
  });

  it('messages.stream: the helper puts together what was streamed', async () => {
    provider.behaviour = { cachedTokens: 7, reasoningTokens: 5 };
    const texts: string[] = [];
    const stream = client.messages.stream({ ...base, messages: [{ role: 'user', content: 'Hello' }] });
    stream.on('text', (text) => texts.push(text));
    const message = await stream.finalMessage();
    expect(texts.join('')).toMatch(/^the quick brown/);
    expect(message.content).toMatchObject([{ type: 'text', text: texts.join('') }]);
    expect(message.usage).toMatchObject({ cache_read_input_tokens: 7, output_tokens: 17 });
    const read = readAnthropicStream(crossing.streams[0] as Buffer);
    expect(read.usage).toMatchObject({ output_tokens_details: { thinking_tokens: 5 } });
  });

  it('a conversation with tools, streamed and not', async () => {
    const tools = [{ name: 'get_weather', description: 'Weather', input_schema: weather }];
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'Please get_weather for Oslo' }];
    for (const streamed of [false, true]) {
      const request = { ...base, tools, messages, tool_choice: { type: 'auto' as const } };
      const message = streamed
        ? await client.messages.stream(request).finalMessage()
        : await client.messages.create(request);
      expect(message.stop_reason).toBe('tool_use');
      const call = message.content.find((block) => block.type === 'tool_use');
      expect(call).toMatchObject({ name: 'get_weather', input: { city: 'example', days: 1 } });
      const result = {
        type: 'tool_result' as const,
        tool_use_id: call?.id ?? '',
        content: 'rain',
        is_error: true,
      };
      const next = await client.messages.create({
        ...base,
        tools,
        messages: [
          ...messages,
          { role: 'assistant', content: message.content },
          { role: 'user', content: [result] },
        ],
      });
      expect(next.stop_reason).toBe('end_turn');
      const sent = JSON.parse(provider.requests.at(-1)?.body.toString() ?? '') as { messages: unknown[] };
      expect(sent.messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ id: call?.id, function: { name: 'get_weather' } }] },
        { role: 'tool', tool_call_id: call?.id },
      ]);
    }
  });

  it('errors of the vendor and of ours are what the client knows', async () => {
    const ask = () => client.messages.create({ ...base, messages: [{ role: 'user', content: 'Hello' }] });
    provider.behaviour = { failure: { kind: 'RateLimited' } };
    await expect(ask()).rejects.toBeInstanceOf(RateLimitError);
    provider.behaviour = { failure: { kind: 'Status', status: 400, message: 'no' } };
    await expect(ask()).rejects.toMatchObject({ status: 400, type: 'invalid_request_error' });
    await expect(client.messages.create({ messages: [] } as never)).rejects.toBeInstanceOf(BadRequestError);
  });
});

describe("OpenAI's client, served by Anthropic", () => {
  let client: OpenAI;
  const start = async (model: string) => {
    crossing = await startCrossing({
      dialect: OPENAI_CHAT,
      caller: OPENAI_CHAT_CALLER,
      wire: ANTHROPIC_MESSAGES,
      vendor: ANTHROPIC_MESSAGES_VENDOR,
      url: `${provider.url}/messages`,
      headers: { 'anthropic-version': '2023-06-01', 'x-api-key': 'k' },
      model,
    });
    client = new OpenAI({ baseURL: `${crossing.url}/v1`, apiKey: 'k', maxRetries: 0 });
  };
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: weather } }];
  const HAIKU = 'claude-haiku-4-5';

  it('text, streamed and not, with usage', async () => {
    await start(HAIKU);
    provider.behaviour = { cachedTokens: 3, cacheWriteTokens: 4 };
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const whole = await client.chat.completions.create({ model: 'm', messages, temperature: 2 });
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant' } });
    expect(whole.usage?.prompt_tokens_details?.cached_tokens).toBe(3);
    expect(crossing.losses).toMatchObject([{ parameter: 'temperature', how: 'Changed' }]);
    let text = '';
    let total = 0;
    const stream = await client.chat.completions.create({
      model: 'm',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      total = chunk.usage?.total_tokens ?? total;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(total).toBeGreaterThan(12);
  });

  it.each([
    ['claude-sonnet-4-20250514', 'enabled'],
    ['claude-opus-4-6', 'adaptive'],
  ])('tools and thinking over several turns: %s', async (model, type) => {
    await start(model);
    provider.behaviour = { redactedThinking: true };
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Please get_weather' }];
    const ask = () =>
      client.chat.completions.create({
        model: 'm',
        messages,
        tools,
        reasoning_effort: 'low',
        max_completion_tokens: 4000,
      });
    const first = await ask();
    const [choice] = first.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    const [call] = choice?.message.tool_calls ?? [];
    expect(call).toMatchObject({
      function: { name: 'get_weather', arguments: '{"city":"example","days":1}' },
    });
    // The client echoes the message as it got it; the vendor checks its own signatures.
    messages.push(choice?.message as OpenAI.ChatCompletionMessageParam);
    messages.push({ role: 'tool', tool_call_id: call?.id ?? '', content: 'rain' });
    const second = await ask();
    expect(second.choices[0]?.finish_reason).toBe('stop');
    const sent = JSON.parse(provider.requests.at(-1)?.body.toString() ?? '') as Record<string, unknown>;
    expect(sent.thinking).toMatchObject({ type });
    expect(sent.messages).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: [{ type: 'thinking' }, { type: 'redacted_thinking' }, { type: 'tool_use' }],
      },
      { role: 'user', content: [{ type: 'tool_result' }] },
    ]);
  });

  it.each([HAIKU, 'claude-sonnet-4-20250514'])('answers by a schema: %s', async (model) => {
    await start(model);
    const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'Weather?' }], max_tokens: 500 };
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'weather', strict: true, schema: { ...weather, additionalProperties: false } },
    };
    const whole = await client.chat.completions.create({ ...ask, response_format });
    expect(JSON.parse(whole.choices[0]?.message.content ?? '')).toEqual({ city: 'example', days: 1 });
    expect(whole.choices[0]?.finish_reason).toBe('stop');
    let text = '';
    for await (const chunk of await client.chat.completions.create({
      ...ask,
      response_format,
      stream: true,
    })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(JSON.parse(text)).toEqual({ city: 'example', days: 1 });
  });

  it('what cannot be said is refused, what the vendor refuses is told', async () => {
    await start(HAIKU);
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    await expect(client.chat.completions.create({ model: 'm', messages, n: 2 })).rejects.toMatchObject({
      status: 400,
      code: 'request_not_translatable',
    });
    provider.behaviour = { failure: { kind: 'Status', status: 529, message: 'Overloaded' } };
    await expect(client.chat.completions.create({ model: 'm', messages })).rejects.toMatchObject({
      status: 529,
    });
  });
});

describe("Anthropic's client, served by Anthropic through the canonical model", () => {
  it('thinking, tools and their signatures survive both ways, unchanged', async () => {
    crossing = await startCrossing({
      dialect: ANTHROPIC_MESSAGES,
      caller: ANTHROPIC_MESSAGES_CALLER,
      wire: ANTHROPIC_MESSAGES,
      vendor: ANTHROPIC_MESSAGES_VENDOR,
      url: `${provider.url}/messages`,
      headers: { 'anthropic-version': '2023-06-01' },
      model: 'claude-opus-4-5',
    });
    const client = new Anthropic({ baseURL: crossing.url, apiKey: 'k', maxRetries: 0 });
    provider.behaviour = { redactedThinking: true, cachedTokens: 5, cacheWriteTokens: 3 };
    const request: Anthropic.MessageCreateParamsNonStreaming = {
      model: 'm',
      max_tokens: 4000,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
      thinking: { type: 'enabled', budget_tokens: 2000 },
      tools: [{ name: 'get_weather', input_schema: weather }],
      messages: [{ role: 'user', content: 'Please get_weather' }],
    };
    const message = await client.messages.stream(request).finalMessage();
    const whole = await client.messages.create(request);
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'redacted_thinking', 'tool_use']);
    expect(message.content).toMatchObject(whole.content.map(({ type }) => ({ type })));
    expect(message.usage).toMatchObject({
      cache_read_input_tokens: 5,
      cache_creation: { ephemeral_1h_input_tokens: 3 },
    });
    readAnthropicStream(crossing.streams[0] as Buffer);
    const id = message.content.find((block) => block.type === 'tool_use')?.id ?? '';
    const next = await client.messages.create({
      ...request,
      messages: [
        ...request.messages,
        { role: 'assistant', content: message.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'rain' }] },
      ],
    });
    expect(next.stop_reason).toBe('end_turn');
    const sent = JSON.parse(provider.requests.at(-1)?.body.toString() ?? '') as Record<string, unknown>;
    expect(sent).toMatchObject({ system: request.system, thinking: request.thinking, max_tokens: 4000 });
    expect(crossing.losses).toEqual([]);
  });
});
