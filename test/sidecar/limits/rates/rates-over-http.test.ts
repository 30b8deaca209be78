import { afterEach, describe, expect, it } from 'vitest';
import type { RuleBody } from '../../../../sidecar/snapshot/schema.ts';
import type { RateLimitBody } from '../../../../sidecar/snapshot/shapes/rate-limits.ts';
import { providerItem, routeItem, rule, target } from '../../support/configuration.ts';
import { type Answer, call, callJson } from '../../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../../support/sidecar.ts';
import { type Answering, type HeldProvider, holdingProvider } from '../held-provider.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const limit = (name: string, over: Partial<RateLimitBody>): RateLimitBody => ({
  id: `route/shop/to-m/r/${name}`,
  key: [],
  maxKeys: 100,
  maxWaitMs: 0,
  ...over,
});

const requests = (amount: number, per: 'Second' | 'Minute' | 'Hour' = 'Minute'): RateLimitBody['rate'] => ({
  of: 'Requests',
  amount,
  per,
});

interface World {
  provider: HeldProvider;
  sidecar: TestSidecar;
  readonly ask: (headers?: Record<string, string>, body?: object) => Promise<Answer>;
}

async function world(
  rateLimits: RateLimitBody[],
  {
    more = {},
    answering,
    open = true,
  }: { more?: Partial<RuleBody>; answering?: Answering; open?: boolean } = {},
): Promise<World> {
  const provider = await holdingProvider(answering);
  closers.push(() => provider.close());
  if (open) provider.open();
  const items = [
    providerItem('main', provider.url, { type: 'OpenAI' }),
    routeItem('to-m', ['m'], [rule([target('main')], { ...more, rateLimits })]),
  ];
  const sidecar = await startTestSidecar(items);
  closers.push(async () => {
    await until(() => sidecar.memory.used === 0);
    await sidecar.close();
  });
  const ask = (headers: Record<string, string> = {}, body: object = {}): Promise<Answer> =>
    callJson(
      `${sidecar.url}/v1/chat/completions`,
      { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }], ...body },
      headers,
    );
  return { provider, sidecar, ask };
}

describe('a limit of requests', () => {
  it('lets through so many, and says the rest when to come back', async () => {
    const { provider, ask, sidecar } = await world([limit('all', { rate: requests(3) })]);
    const answers: Answer[] = [];
    for (let i = 0; i < 5; i++) answers.push(await ask());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(provider.keys).toHaveLength(3);
    const [first, , , refused] = answers as [Answer, Answer, Answer, Answer];
    expect(first.headers['x-ratelimit-limit-requests']).toBe('3');
    expect(first.headers['x-ratelimit-remaining-requests']).toBe('2');
    expect(first.headers['x-ratelimit-reset-requests']).toMatch(/^1m[01]s$/);
    expect(refused.headers['x-ratelimit-remaining-requests']).toBe('0');
    expect(refused.json().error.code).toBe('rate_limit_exceeded');
    expect(refused.json().error.message).toMatch(
      /^limit all of rule main of route shop\/to-m is reached: 3 of 3 requests of the minute are used$/,
    );
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(55);
    expect(seconds).toBeLessThanOrEqual(61);
    expect(sidecar.ended.at(-1)?.outcome).toMatchObject({ status: 429, errorCode: 'rate_limit_exceeded' });
  });

  it('tells a client that waits are long not to retry', async () => {
    const { ask } = await world([limit('all', { rate: requests(1, 'Hour') })]);
    await ask();
    const refused = await ask();
    expect(refused.headers['x-should-retry']).toBe('false');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3000);
  });

  it('is told in the words of Anthropic to its clients', async () => {
    const { sidecar } = await world([limit('all', { rate: requests(1) })]);
    const ask = () =>
      callJson(`${sidecar.url}/v1/messages`, {
        model: 'm',
        max_tokens: 10,
        messages: [{ role: 'user', content: 'hi' }],
      });
    const first = await ask();
    expect(first.headers['anthropic-ratelimit-requests-limit']).toBe('1');
    expect(first.headers['anthropic-ratelimit-requests-remaining']).toBe('0');
    const reset = Date.parse(first.headers['anthropic-ratelimit-requests-reset'] as string);
    expect(reset - Date.now()).toBeGreaterThan(50_000);
    expect(reset - Date.now()).toBeLessThan(62_000);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
    expect(Object.keys(refused.headers).some((name) => name.startsWith('x-ratelimit'))).toBe(false);
  });

  it('never hands on what a provider says of its own', async () => {
    const answering: Answering = () => ({
      headers: ['x-ratelimit-limit-requests', '9999', 'x-ratelimit-remaining-tokens', '123456'],
    });
    const { ask } = await world([limit('all', { rate: requests(5) })], { answering });
    const { headers } = await ask();
    expect(headers['x-ratelimit-limit-requests']).toBe('5');
    expect(headers['x-ratelimit-remaining-tokens']).toBeUndefined();
  });

  it('tells keys apart, and those beyond their number not', async () => {
    const by = [{ by: 'Header' as const, header: 'x-tenant' }];
    const { ask } = await world([limit('each', { rate: requests(1), key: by, maxKeys: 2 })]);
    const statuses: number[] = [];
    for (const tenant of ['a', 'b', 'a', 'c', 'd']) statuses.push((await ask({ 'x-tenant': tenant })).status);
    expect(statuses).toEqual([200, 200, 429, 200, 429]);
  });

  it('takes nothing of one limit when another has no room', async () => {
    const by = [{ by: 'Header' as const, header: 'x-tenant' }];
    const { ask } = await world([
      limit('all', { rate: requests(3) }),
      limit('each', { rate: requests(1), key: by }),
    ]);
    const statuses: number[] = [];
    for (const tenant of ['a', 'a', 'a', 'b', 'c', 'd'])
      statuses.push((await ask({ 'x-tenant': tenant })).status);
    expect(statuses).toEqual([200, 429, 429, 200, 200, 429]);
  });

  it('does not count requests that were never sent', async () => {
    const { sidecar, ask, provider } = await world([limit('all', { rate: requests(1) })]);
    const limited = [limit('all', { rate: requests(1) })];
    sidecar.publish([
      providerItem('main', provider.url, { limits: { maxConcurrent: 1 } }),
      routeItem('to-m', ['m'], [rule([target('gone')], { rateLimits: limited })]),
    ]);
    expect((await ask()).status).toBe(503);
    sidecar.publish([
      providerItem('main', provider.url),
      routeItem('to-m', ['m'], [rule([target('main')], { rateLimits: limited })]),
    ]);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
  });

  it('is explained, and leaves its mark in the steps', async () => {
    const by = [{ by: 'Header' as const, header: 'x-tenant' }];
    const { ask, sidecar } = await world([limit('each', { rate: requests(2), key: by })]);
    await ask({ 'x-tenant': 'a' });
    const explained = await callJson(
      `${sidecar.adminUrl}/explain`,
      { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
      { 'x-tenant': 'a' },
    );
    const { steps } = explained.json() as never as {
      steps: { stage: string; what: string; detail: string }[];
    };
    expect(steps).toContainEqual({
      stage: 'admit',
      what: 'limit route/shop/to-m/r/each',
      detail: '2 Requests per Minute, by Header x-tenant: 1 left in this pod',
    });
  });
});

describe('a limit of tokens', () => {
  it('reserves what a request may take, and counts what was billed', async () => {
    // Estimated: a few of input and at most 10 of output; billed: 15.
    const { ask } = await world([limit('t', { rate: { of: 'Tokens', amount: 40, per: 'Minute' } })]);
    const answers: Answer[] = [];
    for (let i = 0; i < 4; i++) answers.push(await ask());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(answers[3]?.headers['x-ratelimit-limit-tokens']).toBe('40');
    expect(answers[3]?.headers['x-ratelimit-remaining-tokens']).toBe('10');
  });
});

describe('a limit of requests under way', () => {
  it('lets those who may wait go on when one ends', async () => {
    const { ask, provider, sidecar } = await world([limit('n', { concurrency: 1, maxWaitMs: 8000 })], {
      open: false,
    });
    const all = [ask(), ask(), ask()];
    for (const done of [1, 2, 3]) {
      await until(() => provider.keys.length === done && provider.held === 1);
      provider.release();
    }
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(provider.most).toBe(1);
    expect(sidecar.ended).toHaveLength(3);
  });

  it('is free again after callers that leave, waiting or served, and after failures', async () => {
    const { ask, provider, sidecar } = await world([limit('n', { concurrency: 1, maxWaitMs: 8000 })], {
      open: false,
    });
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] });
    const aborts = [new AbortController(), new AbortController()];
    const left = aborts.map(({ signal }) =>
      fetch(`${sidecar.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal,
      }).catch(() => undefined),
    );
    await until(() => provider.held === 1);
    for (const abort of aborts) abort.abort();
    await Promise.all(left);
    await until(() => sidecar.ended.length === 2);
    provider.open();
    expect((await ask()).status).toBe(200);
  });

  it('refuses with its own code when the wait was in vain', async () => {
    const { ask, provider } = await world([limit('n', { concurrency: 1, maxWaitMs: 40 })], { open: false });
    const first = ask();
    await until(() => provider.held === 1);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.json().error.code).toBe('rate_limit_exceeded');
    provider.open();
    expect((await first).status).toBe(200);
  });
});

describe('paths that pass through unread', () => {
  it('fall under limits of requests', async () => {
    const passthrough = [{ methods: ['GET'], pathPrefix: '/v1/files' }];
    const { sidecar } = await world([limit('all', { rate: requests(1) })], { more: { passthrough } });
    const ask = () => call(`${sidecar.url}/v1/files?model=m`, { method: 'GET' });
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
  });
});
