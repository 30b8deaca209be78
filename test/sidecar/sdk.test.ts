import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from './support/configuration.ts';
import { startTestSidecar, type TestSidecar, until } from './support/sidecar.ts';

const PRICES = { input: 250_000, output: 2_000_000 };
const messages = [{ role: 'user' as const, content: 'Say something.' }];

let provider: ScriptedProvider;
let sidecar: TestSidecar;
let client: OpenAI;

beforeAll(async () => {
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  sidecar = await startTestSidecar([
    providerItem('main', provider.url, {
      models: [{ name: 'scripted-large', upstreamName: 'scripted-large', prices: PRICES }],
    }),
    routeItem('assistant', ['assistant'], [rule([target('main', { model: 'scripted-large' })])]),
    routeItem('any', ['*'], [rule([target('main')])]),
  ]);
  client = new OpenAI({ baseURL: `${sidecar.url}/v1`, apiKey: 'placeholder', maxRetries: 0 });
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
});

beforeEach(() => {
  provider.behaviour = {};
  provider.requests.length = 0;
  sidecar.rows.length = 0;
  sidecar.ended.length = 0;
});

describe('the openai SDK, unchanged', () => {
  it('chats', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'assistant', messages })
      .withResponse();
    expect(data.choices[0]?.message.content).not.toBe('');
    expect(JSON.parse(String(provider.requests[0]?.body))).toEqual({ model: 'scripted-large', messages });
    expect(provider.requests[0]?.headers.authorization).toBe('Bearer sk-test');
    const usage = data.usage ?? { prompt_tokens: 0, completion_tokens: 0 };
    const nano = (usage.prompt_tokens * 250_000 + usage.completion_tokens * 2_000_000 + 500) / 1000;
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-outrider-route': 'shop/assistant',
      'x-outrider-rule': 'main',
      'x-outrider-target': 'main',
      'x-outrider-provider': 'shop/main',
      'x-outrider-model': 'scripted-large',
      'x-outrider-attempts': '1',
      'x-outrider-request-id': expect.any(String),
    });
    expect(Number(response.headers.get('x-outrider-cost-usd'))).toBeCloseTo(Math.floor(nano) / 1e9, 12);
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({
      source: 'Provider',
      outcome: 'Ok',
      route: 'shop/assistant',
      usage: { input: usage.prompt_tokens, output: usage.completion_tokens },
      costNanoUsd: String(Math.floor(nano)),
    });
  });

  it('streams, and sees no usage it did not ask for', async () => {
    const stream = await client.chat.completions.create({ model: 'assistant', messages, stream: true });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(JSON.parse(String(provider.requests[0]?.body))).toMatchObject({
      stream_options: { include_usage: true },
    });
    expect(chunks.every((chunk) => chunk.choices.length > 0 && !('usage' in chunk))).toBe(true);
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ source: 'Provider', costNanoUsd: expect.any(String) });
  });

  it('sees the usage it asked for', async () => {
    const stream = await client.chat.completions.create({
      model: 'assistant',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.at(-1)?.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('calls tools, whole and streamed', async () => {
    provider.behaviour = { toolCall: { name: 'weather', arguments: '{"city":"Bonn"}' } };
    const tools = [
      { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } },
    ];
    const whole = await client.chat.completions.create({ model: 'assistant', messages, tools });
    expect(whole.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: 'weather', arguments: '{"city":"Bonn"}' },
    });
    const runner = client.chat.completions.stream({ model: 'assistant', messages, tools });
    const completion = await runner.finalChatCompletion();
    expect(completion.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: 'weather', arguments: '{"city":"Bonn"}' },
    });
  });

  it('embeds and completes', async () => {
    const embedding = await client.embeddings.create({ model: 'assistant', input: ['a', 'b'] });
    expect(embedding.data).toHaveLength(2);
    const completion = await client.completions.create({ model: 'assistant', prompt: 'Once' });
    expect(completion.choices[0]?.text).not.toBe('');
    await until(() => sidecar.rows.length === 2);
    expect(sidecar.rows.map((row) => row.operation)).toEqual(['embeddings', 'text_completion']);
  });

  it('lists models', async () => {
    const listed = await client.models.list();
    expect(listed.data.map((model) => model.id)).toEqual(['assistant', 'scripted-large']);
    expect(await client.models.retrieve('assistant')).toMatchObject({
      object: 'model',
      owned_by: 'shop/assistant',
    });
    await expect(client.models.retrieve('nope')).rejects.toBeInstanceOf(NotFoundError);
  });

  it.each([
    [400, BadRequestError],
    [401, AuthenticationError],
    [403, PermissionDeniedError],
    [404, NotFoundError],
    [409, ConflictError],
    [422, UnprocessableEntityError],
    [429, RateLimitError],
    [500, InternalServerError],
  ])('gets a %i of the provider as its own class of error', async (status, errorClass) => {
    provider.behaviour = { failure: { kind: 'Status', status, message: 'scripted' } };
    await expect(client.chat.completions.create({ model: 'assistant', messages })).rejects.toBeInstanceOf(
      errorClass,
    );
  });

  it('gets our own errors as its classes, too', async () => {
    // The SDK's types would not let these through.
    const odd = {
      model: 'assistant',
      messages,
      n: 'three',
    } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await expect(client.chat.completions.create(odd)).rejects.toMatchObject({
      status: 400,
      code: 'invalid_member',
      param: 'n',
    });
    expect(provider.requests).toHaveLength(0);
  });

  it('aborts, and the provider is told', async () => {
    provider.behaviour = { tokensPerSecond: 50, outputTokens: 1000 };
    const stream = await client.chat.completions.create({ model: 'assistant', messages, stream: true });
    for await (const chunk of stream) if (chunk.choices.length > 0) break;
    stream.controller.abort();
    expect(await provider.requests[0]?.closed).toBe(true);
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ outcome: 'Cancelled', source: 'Estimated' });
    expect(sidecar.ended[0]?.outcome).toMatchObject({ cancelled: true });
  });

  it('reports an error inside a stream as an error', async () => {
    provider.behaviour = { failure: { kind: 'ErrorInStream', afterEvents: 3 } };
    const stream = await client.chat.completions.create({ model: 'assistant', messages, stream: true });
    const read = async () => {
      for await (const chunk of stream) expect(chunk).toHaveProperty('choices');
    };
    await expect(read()).rejects.toBeInstanceOf(APIError);
  });
});
