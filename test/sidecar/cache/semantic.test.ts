/** Questions in other words: found by their vectors, and only where everything else is the same. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { direction, nearest } from '../../../sidecar/cache/semantic/nearest.ts';
import type { CacheBody } from '../../../sidecar/snapshot/shapes/cache.ts';
import { providerItem, target } from '../support/configuration.ts';
import { until } from '../support/sidecar.ts';
import { CACHE, cacheOf, type World, world } from './world.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Vectors by the words that a text has, so that like texts are alike. */
const WORDS = ['capital', 'france', 'weather', 'paris', 'bread', 'what', 'tell'];
const vectorOf = (text: string): number[] => WORDS.map((word) => (text.toLowerCase().includes(word) ? 1 : 0));

interface Vectors {
  server: Server;
  asked: string[];
  fail: boolean;
  hang: boolean;
}

async function vectors(): Promise<Vectors & { url: string }> {
  const state: Vectors = { server: createServer(), asked: [], fail: false, hang: false };
  state.server.on('request', (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const { input } = JSON.parse(Buffer.concat(chunks).toString()) as { input: string[] };
      state.asked.push(...input);
      if (state.hang) return;
      res.writeHead(state.fail ? 500 : 200, { 'content-type': 'application/json' });
      const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) }));
      res.end(
        JSON.stringify({
          object: 'list',
          data,
          model: 'vectors',
          usage: { prompt_tokens: 4, total_tokens: 4 },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => state.server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        state.server.close(resolve);
        state.server.closeAllConnections();
      }),
  );
  return Object.assign(state, { url: `http://127.0.0.1:${(state.server.address() as AddressInfo).port}/v1` });
}

/** @param timeoutMs for a vector; unset: long, since nothing but a model that never answers has to take it */
async function made(
  more: Partial<CacheBody> = {},
  timeoutMs = 10_000,
): Promise<World & { vectors: Vectors }> {
  const of = await vectors();
  const one = await world({
    cache: {
      exact: undefined as never,
      semantic: {
        embeddings: { target: target('vec', { model: 'vectors' }), timeoutMs, maxInputTokens: 256 },
        minSimilarityPercent: 80,
        maxEntries: 2,
      },
      ...more,
    },
    items: [
      providerItem('vec', of.url, {
        models: [{ name: 'vectors', upstreamName: 'vectors', prices: { input: 20_000, output: 0 } }],
      }),
    ],
  });
  closers.push(() => one.close());
  return { ...one, vectors: of };
}

const CAPITAL = 'What is the capital of France?';
const SAME = 'Tell me what the capital of france is';

describe('a semantic cache', () => {
  it('answers a question in other words, with its likeness told everywhere', async () => {
    const { ask, provider, sidecar } = await made();
    const first = await ask(CAPITAL);
    const second = await ask(SAME);
    expect([first, second].map(cacheOf)).toEqual(['miss', 'hit']);
    expect(second.text).toBe(first.text);
    expect(provider.count).toBe(1);
    await until(() => sidecar.rows.length === 4);
    const kinds = sidecar.rows.map(({ kind, purpose, rule }) => [kind, purpose, rule]);
    expect(kinds).toEqual([
      ['First', 'Cache', 'cache.semantic'],
      ['First', undefined, 'main'],
      ['First', 'Cache', 'cache.semantic'],
      ['CacheHit', undefined, 'main'],
    ]);
  });

  it('asks where a question is another one, and says how near it came', async () => {
    const { ask, provider } = await made();
    await ask(CAPITAL);
    expect(cacheOf(await ask('What is the weather in Paris?'))).toBe('miss');
    expect(provider.count).toBe(2);
  });

  it.each([
    [
      'another system prompt',
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: SAME },
        ],
      },
    ],
    ['another parameter', { max_tokens: 100 }],
    ['another format', { response_format: { type: 'json_object' } }],
    ['another form of answer', { stream: true }],
  ])('never answers with what was asked with %s', async (_, more) => {
    const { ask, provider } = await made();
    await ask(CAPITAL);
    expect(cacheOf(await ask(SAME, more))).toBe('miss');
    expect(provider.count).toBe(2);
  });

  it.each([
    [
      'several turns',
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: 'hi' },
          { role: 'user', content: SAME },
        ],
      },
    ],
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    [
      'an attachment',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: SAME },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,aGVsbG8=' } },
            ],
          },
        ],
      },
    ],
    [
      'more text than is asked about',
      { messages: [{ role: 'user', content: `${SAME} ${'and so on '.repeat(400)}` }] },
    ],
  ])('does not look at requests with %s', async (_, more) => {
    const { ask, vectors: of } = await made();
    await ask(CAPITAL);
    expect(cacheOf(await ask(SAME, more))).toBe('miss');
    expect(of.asked).toEqual([CAPITAL]);
  });

  it('misses where there is no vector: an error, a silent model, or none at all', async () => {
    const { ask, provider, vectors: of, sidecar } = await made({}, 150);
    await ask(CAPITAL);
    of.fail = true;
    expect((await ask(SAME)).status).toBe(200);
    of.fail = false;
    of.hang = true;
    const started = performance.now();
    expect(cacheOf(await ask(SAME))).toBe('miss');
    expect(performance.now() - started).toBeLessThan(3000);
    expect(provider.count).toBe(3);
    expect(sidecar.warnings).toEqual([]);
  });

  it('finds the same words again without a vector, where it keeps exact answers too', async () => {
    const { ask, vectors: of, provider } = await made({ exact: { singleFlight: true } });
    await ask(CAPITAL);
    expect(cacheOf(await ask(SAME))).toBe('hit');
    expect(cacheOf(await ask(SAME))).toBe('hit');
    expect(of.asked).toEqual([CAPITAL, SAME]);
    expect(provider.count).toBe(1);
  });

  it('works without exact answers too', async () => {
    const { ask, provider, publish } = await made();
    const { exact: _exact, ...cache } = CACHE;
    const embeddings = { target: target('vec', { model: 'vectors' }), timeoutMs: 1000, maxInputTokens: 256 };
    publish({
      cache: { ...cache, semantic: { embeddings, minSimilarityPercent: 80, maxEntries: 5 } },
      generation: 2,
    });
    expect([await ask(CAPITAL), await ask(SAME), await ask(CAPITAL)].map(cacheOf)).toEqual([
      'miss',
      'hit',
      'hit',
    ]);
    expect(provider.count).toBe(1);
  });

  it('keeps no more than it may', async () => {
    const { ask } = await made();
    await ask(CAPITAL);
    await ask('weather');
    await ask('bread');
    expect(cacheOf(await ask('What about bread'))).not.toBe('bypass');
    expect(cacheOf(await ask(SAME))).toBe('miss');
  });
});

describe('likeness', () => {
  const known = (vector: number[], key: string) => ({ vector: direction(vector) as Float32Array, key });

  it('is the cosine in whole percent, rounded down', () => {
    const asked = direction([1, 1, 0]) as Float32Array;
    expect(nearest(asked, [known([1, 0, 0], 'a'), known([3, 3, 0.1], 'b')])).toMatchObject({
      percent: 99,
      question: { key: 'b' },
    });
    expect(nearest(asked, [known([2, 2, 0], 'a')])?.percent).toBe(100);
    expect(nearest(asked, [known([0, 0, 1], 'a')])?.percent).toBe(0);
  });

  it('is none between vectors of other lengths, or without a direction', () => {
    expect(nearest(direction([1, 1]) as Float32Array, [known([1, 1, 1], 'a')])).toBeUndefined();
    expect(direction([0, 0])).toBeUndefined();
    expect(direction([Number.NaN])).toBeUndefined();
  });
});
