/** Answers that are given again: to whom, for how long, and what is told of it. */
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/sidecar.ts';
import { CACHE, cacheOf, type World, type WorldOptions, world } from './world.ts';

const worlds: World[] = [];
const made = async (options?: WorldOptions): Promise<World> => {
  const one = await world(options);
  worlds.push(one);
  return one;
};

afterEach(async () => {
  for (const one of worlds.splice(0)) await one.close();
});

describe('an exact cache', () => {
  it('gives the same bytes again without asking, and says what it saved', async () => {
    const { ask, provider, sidecar } = await made();
    const first = await ask();
    const second = await ask();
    expect([first, second].map(cacheOf)).toEqual(['miss', 'hit']);
    expect(second.text).toBe(first.text);
    expect(provider.count).toBe(1);
    expect(second.headers).toMatchObject({
      'content-type': first.headers['content-type'],
      'x-outrider-cost-usd': '0',
      'x-outrider-attempts': '0',
      'x-outrider-target': 'main',
      'x-outrider-provider': 'shop/main',
      'x-outrider-model': 'm',
      'x-outrider-rule': 'main',
      age: '0',
    });
    expect(second.headers['x-outrider-request-id']).not.toBe(first.headers['x-outrider-request-id']);
    await until(() => sidecar.rows.length === 2);
    const [paid, hit] = sidecar.rows;
    expect(Number(paid?.costNanoUsd)).toBeGreaterThan(0);
    expect(hit).toMatchObject({
      kind: 'CacheHit',
      outcome: 'Ok',
      source: 'None',
      costNanoUsd: '0',
      savedNanoUsd: paid?.costNanoUsd,
      provider: 'provider/shop/main',
      model: 'm',
      rule: 'main',
      route: 'shop/chat',
    });
    expect(Object.values(hit?.usage ?? {}).every((tokens) => tokens === 0)).toBe(true);
  });

  it('replays streams event by event as they were sent, apart from answers in one piece', async () => {
    const { ask, provider } = await made();
    const whole = await ask();
    const first = await ask('hello', { stream: true });
    const second = await ask('hello', { stream: true });
    expect([whole, first, second].map(cacheOf)).toEqual(['miss', 'miss', 'hit']);
    expect(second.text).toBe(first.text);
    expect(second.text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect(second.headers['x-outrider-cost-usd']).toBe('0');
    expect(provider.count).toBe(2);
    // A caller that wants other events gets them.
    const usage = await ask('hello', { stream: true, stream_options: { include_usage: true } });
    expect(cacheOf(usage)).toBe('miss');
    expect(usage.text).toContain('"usage":{');
  });

  it.each([
    ['/v1/completions', { model: 'm', prompt: 'say', temperature: 0 }],
    ['/v1/embeddings', { model: 'm', input: ['one', 'two'] }],
    ['/v1/responses', { model: 'm', input: 'say', temperature: 0, store: false }],
    [
      '/v1/messages',
      { model: 'm', max_tokens: 50, temperature: 0, messages: [{ role: 'user', content: 'say' }] },
    ],
  ])('serves %s', async (path, body) => {
    const { post, provider } = await made({
      provider:
        path === '/v1/messages' ? { type: 'Anthropic' } : path === '/v1/responses' ? { type: 'OpenAI' } : {},
    });
    const headers = { 'anthropic-version': '2023-06-01' };
    const first = await post(path, body, headers);
    expect(first.status).toBe(200);
    const second = await post(path, body, headers);
    expect([first, second].map(cacheOf)).toEqual(['miss', 'hit']);
    expect(second.text).toBe(first.text);
    expect(provider.count).toBe(1);
    if (path === '/v1/embeddings') return;
    const streams = [
      await post(path, { ...body, stream: true }, headers),
      await post(path, { ...body, stream: true }, headers),
    ];
    expect(streams.map(cacheOf)).toEqual(['miss', 'hit']);
    expect(streams[1]?.text).toBe(streams[0]?.text);
  });

  it('takes requests for the same that say the same in another order, by another user', async () => {
    const { post } = await made();
    const messages = [{ role: 'user', content: 'hello' }];
    const answers = [
      await post('/v1/chat/completions', {
        model: 'm',
        temperature: 0,
        messages,
        user: 'a',
        metadata: { x: '1' },
      }),
      await post('/v1/chat/completions', {
        messages,
        prompt_cache_key: 'k',
        temperature: 0,
        model: 'm',
        user: 'b',
      }),
      await post('/v1/chat/completions', { messages, temperature: 0, model: 'm', safety_identifier: 's' }),
    ];
    expect(answers.map(cacheOf)).toEqual(['miss', 'hit', 'hit']);
  });

  it.each([
    ['a parameter', { top_p: 0.5 }],
    ['a longer cap', { max_tokens: 7 }],
    ['a format', { response_format: { type: 'json_object' } }],
    ['a tool', { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] }],
    ['a seed', { seed: 4 }],
  ])('tells requests apart by %s', async (_, more) => {
    const { ask } = await made();
    await ask();
    expect(cacheOf(await ask('hello', more))).toBe('miss');
  });

  it('tells them apart by headers that change answers, and by those of the rule', async () => {
    const { ask } = await made({
      rule: { forwardHeaders: ['x-style'] },
      cache: { scope: { type: 'Namespace', headers: ['x-user'] } },
    });
    const headers = { 'x-user': 'ann' };
    expect(cacheOf(await ask('hello'))).toBe('bypass');
    expect(cacheOf(await ask('hello', {}, headers))).toBe('miss');
    expect(cacheOf(await ask('hello', {}, { 'x-user': 'bob' }))).toBe('miss');
    expect(cacheOf(await ask('hello', {}, { ...headers, 'x-style': 'short' }))).toBe('miss');
    expect(cacheOf(await ask('hello', {}, { ...headers, 'openai-beta': 'new' }))).toBe('miss');
    expect(cacheOf(await ask('hello', {}, { ...headers, 'x-other': 'whatever' }))).toBe('hit');
  });

  it('keeps callers with keys of their own apart', async () => {
    const { ask } = await made({
      provider: { credentials: [{ name: 'main', id: 'shop/main/main', type: 'Passthrough', weight: 1 }] },
    });
    const of = (key: string) => ask('hello', {}, { authorization: `Bearer ${key}` });
    expect(cacheOf(await of('sk-a'))).toBe('miss');
    expect(cacheOf(await of('sk-b'))).toBe('miss');
    expect(cacheOf(await of('sk-a'))).toBe('hit');
  });

  it.each([
    ['temperature unset', { temperature: undefined }],
    ['temperature above 0', { temperature: 0.7 }],
    ['store', { store: true }],
    [
      'a linked image',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.example/cat.png' } }] },
        ],
      },
    ],
  ])('has no part in requests with %s', async (_, more) => {
    const { ask, provider } = await made();
    const answers = [await ask('hello', more), await ask('hello', more)];
    expect(answers.map(cacheOf)).toEqual(['bypass', 'bypass']);
    expect(provider.count).toBe(2);
  });

  it('keeps sampled answers where the rule says so', async () => {
    const { ask } = await made({ cache: { sampled: 'Allow' } });
    const answers = [await ask('hello', { temperature: 0.7 }), await ask('hello', { temperature: 0.7 })];
    expect(answers.map(cacheOf)).toEqual(['miss', 'hit']);
  });

  it('answers from the cache about images that are in the request', async () => {
    const { ask } = await made();
    const url = 'data:image/png;base64,aGVsbG8=';
    const more = { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] };
    expect([await ask('', more), await ask('', more)].map(cacheOf)).toEqual(['miss', 'hit']);
  });

  it.each([
    ['errors', { failure: { kind: 'Status', status: 400 } }, {}],
    ['answers that are cut off', { outputTokens: 50 }, { max_tokens: 3 }],
    [
      'calls of tools',
      { toolCall: { name: 'f', arguments: '{}' } },
      { tools: [{ type: 'function', function: { name: 'f' } }] },
    ],
  ] as const)('never keeps %s', async (_, behaviour, more) => {
    const { ask, provider } = await made({ behaviour });
    for (const stream of [false, true]) {
      const answers = [await ask('hello', { ...more, stream }), await ask('hello', { ...more, stream })];
      expect(answers.map(cacheOf)).toEqual(['miss', 'miss']);
    }
    expect(provider.count).toBe(4);
  });

  it('never keeps a stream that broke', async () => {
    const { ask, provider } = await made({
      behaviour: { failure: { kind: 'DieMidStream', afterEvents: 3 } },
    });
    await ask('hello', { stream: true });
    provider.behaviour = { outputTokens: 5 };
    const whole = await ask('hello', { stream: true });
    expect(cacheOf(whole)).toBe('miss');
    expect(whole.text).toContain('[DONE]');
    expect(cacheOf(await ask('hello', { stream: true }))).toBe('hit');
  });

  it('lets a request say what it wants of it, unless the rule does not listen', async () => {
    const { ask, provider, publish } = await made();
    const control = (value: string) => ask('hello', {}, { 'cache-control': value });
    expect(cacheOf(await control('no-store'))).toBe('bypass');
    expect(cacheOf(await ask())).toBe('miss');
    expect(cacheOf(await control('no-cache'))).toBe('miss');
    expect(cacheOf(await control('max-age=60'))).toBe('hit');
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(cacheOf(await control('max-age=0'))).toBe('miss');
    expect(provider.count).toBe(4);
    publish({ cache: { ...CACHE, requestControl: 'Ignore' }, generation: 2 });
    await ask();
    expect(cacheOf(await control('no-store'))).toBe('hit');
  });

  it('forgets with its time, with its size, and with its rule', async () => {
    const { ask, publish, provider } = await made({ cache: { ttlMs: 20 } });
    await ask();
    await new Promise((resolve) => setTimeout(resolve, 25));
    expect(cacheOf(await ask())).toBe('miss');
    publish({ generation: 2 });
    expect(cacheOf(await ask())).toBe('miss');
    publish({ generation: 3, cache: { ...CACHE, maxAnswerBytes: 1024 } });
    provider.behaviour = { text: 'long '.repeat(400) };
    await ask();
    expect(cacheOf(await ask())).toBe('miss');
  });

  it('gives no answer whose giver may not give it now', async () => {
    const { ask, publish, sidecar } = await made();
    await ask();
    const withoutModel = { models: [{ name: 'other', upstreamName: 'other' }], openModels: false };
    publish({ provider: withoutModel });
    const refused = await ask();
    expect(refused.status).toBe(503);
    publish({});
    expect(cacheOf(await ask())).toBe('hit');
    publish({ provider: { models: [{ name: 'm', upstreamName: 'm-2' }] } });
    expect(cacheOf(await ask())).toBe('miss');
    expect(sidecar.warnings).toEqual([]);
  });

  it('holds an answer against the data policy of the day and the label of the request', async () => {
    const labelled = { dataPolicy: { classifications: ['internal'] } };
    const { ask, provider, publish } = await made({ provider: labelled });
    await ask();
    const strict = { constraints: { dataPolicy: { training: 'Never' as const } } };
    expect(cacheOf(await ask())).toBe('hit');
    publish({ rule: strict });
    expect((await ask()).status).toBe(503);
    expect(provider.count).toBe(1);
  });

  it('answers with a full house: bytes are bounded', async () => {
    const { ask, provider } = await made({
      behaviour: { text: 'x'.repeat(20_000) },
      sidecar: { cache: { maxBytes: 100_000 } },
    });
    for (let i = 0; i < 10; i++) await ask(`question ${i}`);
    expect(cacheOf(await ask('question 9'))).toBe('hit');
    expect(cacheOf(await ask('question 0'))).toBe('miss');
    expect(provider.count).toBe(11);
  });
});
