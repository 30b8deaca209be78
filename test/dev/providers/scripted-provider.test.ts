import OpenAI from 'openai';
import { afterEach, expect, test } from 'vitest';
import { retryAfterHeaders } from '../../../dev/providers/behaviour.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';

let provider: ScriptedProvider;
afterEach(() => provider.close());

async function client(options: Parameters<typeof startScriptedProvider>[0] = {}): Promise<OpenAI> {
  provider = await startScriptedProvider(options);
  return new OpenAI({ baseURL: provider.url, apiKey: 'k', maxRetries: 0 });
}
const messages = [{ role: 'user' as const, content: 'hello' }];

test('answers the stock SDK: chat, stream with usage, tools, completions, embeddings, models', async () => {
  const openai = await client();
  const chat = await openai.chat.completions.create({ model: 'm', messages });
  expect(chat.choices[0]?.message.content).toMatch(/^the quick brown/);
  expect(chat.usage?.completion_tokens).toBe(12);

  let text = '';
  let usage: unknown;
  const stream = await openai.chat.completions.create({
    model: 'm',
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe(chat.choices[0]?.message.content);
  expect(usage).toMatchObject({ completion_tokens: 12 });

  const tools = [{ type: 'function' as const, function: { name: 'lookup', parameters: {} } }];
  const call = await openai.chat.completions.create({
    model: 'm',
    tools,
    messages: [{ role: 'user', content: 'please lookup x' }],
  });
  expect(call.choices[0]?.finish_reason).toBe('tool_calls');

  expect((await openai.completions.create({ model: 'm', prompt: 'x' })).choices[0]?.text).toMatch(/^the/);
  const embedding = await openai.embeddings.create({ model: 'm', input: ['a', 'b'] });
  expect(embedding.data.map((d) => d.embedding.length)).toEqual([512, 512]);
  expect((await openai.models.list()).data.map((m) => m.id)).toContain('scripted-small');
});

test('embeds texts about the same thing near each other, and takes the word of a choice that the prompt names', async () => {
  const openai = await client();
  const input = ['I want a refund for my order', 'please refund the last order', 'write a python function'];
  const { data } = await openai.embeddings.create({ model: 'm', input });
  const [a = [], b = [], c = []] = data.map(({ embedding }) => embedding);
  const cosine = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  expect(cosine(a, a)).toBeCloseTo(1);
  expect(cosine(a, b)).toBeGreaterThan(0.3);
  expect(cosine(a, c)).toBeLessThan(0.2);

  const schema = { type: 'object', properties: { label: { enum: ['easy', 'hard'] } } };
  const labelled = await openai.chat.completions.create({
    model: 'm',
    messages: [{ role: 'user', content: 'a Hard one' }],
    response_format: { type: 'json_schema', json_schema: { name: 'label', schema } },
  });
  expect(labelled.choices[0]?.message.content).toBe('{"label":"hard"}');
});

test.each([
  ['OnRequest', false, 0],
  ['OnRequest', true, 1],
  ['Always', false, 1],
  ['FinishChunk', false, 1],
  ['Never', true, 0],
] as const)('stream usage %s, asked %s: %i chunks carry it', async (streamUsage, asked, expected) => {
  const openai = await client({ behaviour: { streamUsage } });
  const stream = await openai.chat.completions.create({
    model: 'm',
    messages,
    stream: true,
    ...(asked && { stream_options: { include_usage: true } }),
  });
  let carried = 0;
  for await (const chunk of stream) if (chunk.usage) carried++;
  expect(carried).toBe(expected);
});

test('misbehaves as told', async () => {
  const openai = await client({ keys: ['right'] });
  await expect(openai.chat.completions.create({ model: 'm', messages })).rejects.toMatchObject({
    status: 401,
  });
  const ok = new OpenAI({ baseURL: provider.url, apiKey: 'right', maxRetries: 0 });
  provider.behaviour = { failure: { kind: 'RateLimited', retryAfter: 'Milliseconds', ms: 1500 } };
  await expect(ok.chat.completions.create({ model: 'm', messages })).rejects.toMatchObject({
    status: 429,
    headers: expect.any(Headers),
  });
  provider.behaviour = { failure: { kind: 'DieMidStream', afterEvents: 3 } };
  const events = await fetch(`${provider.url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer right' },
    body: JSON.stringify({ model: 'm', messages, stream: true }),
  }).then((r) => r.text());
  expect(events.split('\n\n').length - 1).toBe(3);
  await provider.refuse();
  await expect(ok.models.list()).rejects.toThrow(/Connection error/);
  await provider.resume();
  provider.behaviour = {};
  expect((await ok.models.list()).data).not.toHaveLength(0);
});

test('retry-after forms', () => {
  expect(retryAfterHeaders('Seconds', 1500, 0)).toEqual({ 'retry-after': '2' });
  expect(retryAfterHeaders('Date', 2000, 0)).toEqual({ 'retry-after': 'Thu, 01 Jan 1970 00:00:02 GMT' });
  expect(retryAfterHeaders('Reset', 2500, 0)['x-ratelimit-reset-requests']).toBe('2.5s');
});
