/** OpenAI's client through a sidecar whose targets are Gemini, Bedrock and Cohere. */
import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from './support/configuration.ts';
import { startTestSidecar, type TestSidecar } from './support/sidecar.ts';

const MODELS = {
  gemini: 'gemini-3-flash-preview',
  bedrock: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
  cohere: 'command-a-plus-05-2026',
} as const;
const TYPES = { gemini: 'Gemini', bedrock: 'Bedrock', cohere: 'Cohere' } as const;

let provider: ScriptedProvider;
let sidecar: TestSidecar;
let client: OpenAI;

beforeAll(async () => {
  provider = await startScriptedProvider();
  const names = Object.keys(MODELS) as (keyof typeof MODELS)[];
  sidecar = await startTestSidecar([
    ...names.map((name) => providerItem(name, provider.url, { type: TYPES[name] })),
    ...names.map((name) => routeItem(name, [name], [rule([target(name, { model: MODELS[name] })])])),
    routeItem('embed', ['embed'], [rule([target('cohere', { model: 'embed-v4.0' })])]),
    routeItem('rank', ['rank'], [rule([target('cohere', { model: 'rerank-v3.5' })])]),
    routeItem(
      'chain',
      ['chain'],
      [
        rule([
          target('gemini', { model: MODELS.gemini, priority: 0 }),
          target('bedrock', { model: MODELS.bedrock, priority: 1 }),
        ]),
      ],
    ),
  ]);
  client = new OpenAI({ baseURL: `${sidecar.url}/v1`, apiKey: 'x', maxRetries: 0 });
});
afterAll(async () => {
  await sidecar.close();
  await provider.close();
});
beforeEach(() => {
  provider.behaviour = {};
  provider.script = undefined;
  provider.requests.length = 0;
});

const tools = [
  {
    type: 'function' as const,
    function: {
      name: 'search',
      description: 'Finds things',
      parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
    },
  },
];

describe.each(Object.keys(MODELS))('%s', (model) => {
  it('runs a conversation with tools, streamed, as a client of OpenAI knows it', async () => {
    provider.behaviour = { cachedTokens: 4, reasoningTokens: 9 };
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'please search' }];
    const stream = client.chat.completions.stream({
      model,
      messages,
      tools,
      stream_options: { include_usage: true },
    });
    const first = await stream.finalChatCompletion();
    const message = first.choices[0]?.message;
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    const call = message?.tool_calls?.[0];
    expect(call).toMatchObject({ function: { name: 'search', arguments: '{"q":"example"}' } });
    expect(first.usage?.prompt_tokens_details?.cached_tokens).toBe(4);
    messages.push(message as OpenAI.ChatCompletionMessageParam, {
      role: 'tool',
      tool_call_id: call?.id ?? '',
      content: 'found',
    });
    const second = await client.chat.completions.create({ model, messages, tools });
    expect(second.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: expect.stringMatching(/^the quick/) as unknown },
    });
    expect(sidecar.rows.at(-1)?.usage.cacheRead).toBe(4);
    expect(provider.requests).toHaveLength(2);
  });

  it('tells of errors in the words of OpenAI', async () => {
    provider.behaviour = { failure: { kind: 'Status', status: 400, message: 'this is wrong' } };
    const failed = client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }] });
    await expect(failed).rejects.toThrow(/this is wrong/);
    await expect(failed).rejects.toBeInstanceOf(APIError);
  });

  it('ends a stream that breaks with an error', async () => {
    provider.behaviour = { failure: { kind: 'ErrorInStream', afterEvents: 4 } };
    const stream = await client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
    const read = async (): Promise<void> => {
      for await (const chunk of stream) void chunk;
    };
    await expect(read()).rejects.toBeInstanceOf(APIError);
  });
});

describe('between vendors', () => {
  it('takes the next before anything was said', async () => {
    provider.script = ({ url }) =>
      url.includes('gemini') ? { failure: { kind: 'ErrorInStream', afterEvents: 0 } } : undefined;
    const stream = await client.chat.completions.create({
      model: 'chain',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toMatch(/^the quick/);
    expect(provider.requests.map(({ url }) => url.split('/').at(-1))).toEqual([
      'gemini-3-flash-preview:streamGenerateContent?alt=sse',
      'converse-stream',
    ]);
  });
});

describe('embeddings and rerank', () => {
  it('embeds at Cohere for a client of OpenAI, which asks for base64', async () => {
    const { data, usage } = await client.embeddings.create({
      model: 'embed',
      input: ['one', 'two'],
      dimensions: 256,
    });
    expect(data.map(({ embedding, index }) => [index, embedding.length])).toEqual([
      [0, 256],
      [1, 256],
    ]);
    expect(data[0]?.embedding[0]).toBeTypeOf('number');
    expect(usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
    expect(JSON.parse(provider.requests[0]?.body.toString() ?? '')).toEqual({
      model: 'embed-v4.0',
      texts: ['one', 'two'],
      input_type: 'search_document',
      embedding_types: ['base64'],
      output_dimension: 256,
    });
  });

  it('refuses to embed what Cohere cannot', async () => {
    await expect(client.embeddings.create({ model: 'embed', input: [[1, 2]] })).rejects.toThrow(/token ids/);
    expect(provider.requests).toEqual([]);
  });

  it('hands a rerank on as it is', async () => {
    const body = '{"model":"rank","query":"capital","documents":["text", "the capital"],"top_n": 1}';
    const response = await fetch(`${sidecar.url}/v1/rerank`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(await response.json()).toMatchObject({
      results: [{ index: 1, relevance_score: 1 }],
      meta: { billed_units: { search_units: 1 } },
    });
    expect(provider.requests[0]?.body.toString()).toBe(body.replace('"rank"', '"rerank-v3.5"'));
    expect(sidecar.rows.at(-1)).toMatchObject({ source: 'Provider' });
  });
});
