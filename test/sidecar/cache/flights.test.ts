/** Requests that are the same and under way at once: one asks, all are answered. */
import { request } from 'node:http';
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

/** A caller that may leave. */
function caller({ sidecar }: World, more: object = {}) {
  const body = { model: 'm', temperature: 0, messages: [{ role: 'user', content: 'hello' }], ...more };
  let text = '';
  const req = request(`${sidecar.url}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
  });
  const done = new Promise<{ status: number; cache: unknown; text: string } | 'gone'>((resolve) => {
    req.on('error', () => resolve('gone'));
    req.on('response', (res) => {
      res.on('data', (chunk: Buffer) => (text += chunk.toString()));
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, cache: res.headers['x-outrider-cache'], text }),
      );
      res.on('error', () => resolve('gone'));
    });
  });
  req.end(JSON.stringify(body));
  return { done, leave: () => req.destroy() };
}

const counts = (answers: { headers: Record<string, string | string[] | undefined> }[]) =>
  answers.map(({ headers }) => String(headers['x-outrider-cache'])).toSorted();

describe('single flight', () => {
  it.each([false, true])('asks once for all that come at once (stream: %s)', async (stream) => {
    const { ask, provider, sidecar } = await made();
    provider.script = async () => {
      await until(() => sidecar.underWay() === 10, 'all to be there');
      return { latencyMs: 40, outputTokens: 5 };
    };
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('hello', { stream })));
    expect(provider.count).toBe(1);
    expect(counts(answers)).toEqual(['miss', ...Array.from({ length: 9 }, () => 'shared')]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => headers['x-outrider-request-id'])).size).toBe(10);
    await until(() => sidecar.rows.length === 10);
    const paid = sidecar.rows.filter(({ kind }) => kind === 'First');
    const hits = sidecar.rows.filter(({ kind }) => kind === 'CacheHit');
    expect([paid.length, hits.length]).toEqual([1, 9]);
    for (const hit of hits) expect(hit.savedNanoUsd).toBe(paid[0]?.costNanoUsd);
  });

  it('asks for each where the rule says so', async () => {
    const { ask, provider } = await made({
      behaviour: { latencyMs: 20 },
      cache: { exact: { singleFlight: false } },
    });
    expect(counts(await Promise.all([ask(), ask(), ask()]))).toEqual(['miss', 'miss', 'miss']);
    expect(provider.count).toBe(3);
  });

  it('goes on for the others when the first of them leaves', async () => {
    const one = await made();
    let isLeft = false;
    one.provider.script = async () => {
      await until(() => isLeft, 'the first to leave');
      return { latencyMs: 40, outputTokens: 5 };
    };
    const first = caller(one);
    await until(() => one.provider.count === 1);
    const second = caller(one);
    await until(() => one.sidecar.underWay() === 2);
    first.leave();
    isLeft = true;
    expect(await second.done).toMatchObject({ status: 200, cache: 'shared' });
    expect(one.provider.count).toBe(1);
    expect(await one.provider.requests[0]?.closed).toBe(false);
    await until(() => one.sidecar.ended.length === 2);
    const left = one.sidecar.ended.find(({ attempts }) => attempts.length === 1);
    expect(left?.outcome).toMatchObject({ status: 499, cancelled: true });
    // Who has left pays all the same: it asked.
    expect(one.sidecar.rows.find(({ kind }) => kind === 'First')).toMatchObject({
      outcome: 'Ok',
      source: 'Provider',
    });
  });

  it('ends the call when the last of them leaves', async () => {
    const one = await made({ behaviour: { failure: { kind: 'HangBeforeHeaders' } } });
    const callers = [caller(one), caller(one)];
    await until(() => one.provider.count === 1 && one.sidecar.underWay() === 2);
    for (const { leave } of callers) leave();
    expect(await one.provider.requests[0]?.closed).toBe(true);
    await until(() => one.sidecar.ended.length === 2);
    expect(one.sidecar.ended.map(({ outcome }) => outcome.status)).toEqual([499, 499]);
  });

  it('lets those who wait ask one after the other when it fails', async () => {
    const one = await made();
    let running = 0;
    let most = 0;
    one.provider.script = (_, index) => {
      running++;
      most = Math.max(most, running);
      setTimeout(() => running--, 25);
      return index < 2
        ? { latencyMs: 30, failure: { kind: 'Status', status: 500 } }
        : { latencyMs: 30, outputTokens: 5 };
    };
    const answers = await Promise.all([one.ask(), one.ask(), one.ask(), one.ask(), one.ask()]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 200, 500, 500]);
    expect(one.provider.count).toBe(3);
    expect(most).toBe(1);
    expect(counts(answers.filter(({ status }) => status === 200))).toEqual(['miss', 'shared', 'shared']);
  });

  it('gives each its own patience', async () => {
    const one = await made({ behaviour: { latencyMs: 300 } });
    const first = one.ask();
    await until(() => one.provider.count === 1);
    const second = await one.ask('hello', {}, { 'x-stainless-timeout': '0.05' });
    expect(second.status).toBe(504);
    expect(second.json().error.code).toBe('request_timeout');
    expect((await first).status).toBe(200);
    expect(one.provider.count).toBe(1);
  });

  it('does not begin in the middle: who comes after the first event asks itself', async () => {
    const one = await made({ behaviour: { outputTokens: 30, tokensPerSecond: 300 } });
    const first = caller(one, { stream: true });
    await until(() => one.sidecar.ended.length === 0 && one.provider.count === 1);
    await new Promise((resolve) => setTimeout(resolve, 40));
    const second = await one.ask('hello', { stream: true });
    expect(cacheOf(second)).toBe('miss');
    expect(await first.done).toMatchObject({ cache: 'miss' });
    expect(one.provider.count).toBe(2);
  });

  it('tells all of them when the stream breaks', async () => {
    const one = await made({
      behaviour: { latencyMs: 30, failure: { kind: 'DieMidStream', afterEvents: 3 } },
    });
    const answers = await Promise.all([
      one.ask('hello', { stream: true }),
      one.ask('hello', { stream: true }),
    ]);
    expect(one.provider.count).toBe(1);
    for (const { text } of answers) expect(text).toContain('upstream_stream_broken');
    await until(() => one.sidecar.rows.length === 2);
    const shared = one.sidecar.rows.find(({ kind }) => kind === 'CacheHit');
    expect(shared).toMatchObject({ outcome: 'Failed' });
    expect(shared?.savedNanoUsd).toBeUndefined();
  });

  it('hands on long answers that are not kept, to fast and slow readers', async () => {
    const text = 'word '.repeat(120_000);
    const one = await made({ behaviour: { latencyMs: 20, text }, cache: { maxAnswerBytes: 1024 } });
    const answers = await Promise.all([one.ask(), one.ask(), one.ask()]);
    expect(one.provider.count).toBe(1);
    for (const answer of answers) expect(answer.text).toContain(text.trim());
    expect(cacheOf(await one.ask())).toBe('miss');
  });

  it('forgets a rule that has changed while its answer was on the way', async () => {
    const one = await made({ behaviour: { latencyMs: 40 } });
    const first = one.ask();
    await until(() => one.provider.count === 1);
    one.publish({ generation: 2, cache: { ...CACHE, ttlMs: 30_000 } });
    const second = await one.ask();
    expect([cacheOf(await first), cacheOf(second)]).toEqual(['miss', 'miss']);
    expect(one.provider.count).toBe(2);
  });
});
