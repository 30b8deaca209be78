import type { ClientRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { CredentialBody, ProviderBody, RuleBody, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { LimitsBody, PriorityClass } from '../../../sidecar/snapshot/shapes/limits.ts';
import { InProcessSource } from '../../../sidecar/snapshot/source.ts';
import {
  credentialsOf,
  providerItem,
  routeItem,
  rule,
  snapshotOf,
  target,
} from '../support/configuration.ts';
import { type Answer, call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';
import { type Answering, type HeldProvider, holdingProvider } from './held-provider.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const key = (name: string, limits?: LimitsBody): CredentialBody => ({
  name,
  id: `shop/main/${name}`,
  type: 'APIKey',
  weight: 1,
  ...(limits && { limits }),
});

interface World {
  provider: HeldProvider;
  sidecar: TestSidecar;
  /** To the model of that name; its prompt names it. */
  readonly ask: (prompt?: string, model?: string) => Promise<Answer>;
}

async function world(
  body: Partial<ProviderBody>,
  /** By model that is asked for. */
  rules: Record<string, Partial<RuleBody>>,
  { answering, open = true }: { answering?: Answering; open?: boolean } = {},
): Promise<World> {
  const provider = await holdingProvider(answering);
  closers.push(() => provider.close());
  if (open) provider.open();
  const items: Snapshot['items'] = [
    providerItem('main', provider.url, body),
    ...Object.entries(rules).map(([model, more]) =>
      routeItem(`to-${model}`, [model], [rule([target('main')], more)]),
    ),
  ];
  const sidecar = await startTestSidecar(items);
  closers.push(async () => {
    await until(() => sidecar.memory.used === 0);
    await sidecar.close();
  });
  const ask = (prompt = 'hi', model = 'm') =>
    callJson(`${sidecar.url}/v1/chat/completions`, {
      model,
      max_tokens: 10,
      messages: [{ role: 'user', content: prompt }],
    });
  return { provider, sidecar, ask };
}

const admission = (priority: PriorityClass, maxWaitMs: number): Partial<RuleBody> => ({
  admission: { class: priority, maxWaitMs },
});

describe('limits of keys', () => {
  it('are kept, key by key, and then told with the time of the first that is free', async () => {
    const credentials = [key('a', { requestsPerMinute: 2 }), key('b', { requestsPerMinute: 3 })];
    const { provider, ask, sidecar } = await world({ credentials }, { m: {} });
    const answers: Answer[] = [];
    for (let i = 0; i < 8; i++) answers.push(await ask());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect(provider.keys).toHaveLength(5);
    const refused = answers[7] as Answer;
    expect(refused.json().error.code).toBe('rate_limited');
    expect(refused.json().error.message).toMatch(/requests of the minute are used; room in \d+ s/);
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThanOrEqual(61);
    expect(sidecar.ended.at(-1)?.outcome.errorCode).toBe('rate_limited');
  });

  it('are shown by explain, with numbers', async () => {
    const { ask, sidecar } = await world({ credentials: [key('a', { requestsPerMinute: 1 })] }, { m: {} });
    await ask();
    const explained = await callJson(`${sidecar.adminUrl}/explain`, {
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
    });
    const { targets, refusal } = explained.json() as never as {
      targets: { reason: string; detail: string }[];
      refusal: { code: string; status: number };
    };
    expect(targets[0]?.reason).toBe('RateHeadroom');
    expect(targets[0]?.detail).toMatch(/^key a: 1 of 1 requests of the minute are used; room in \d+ s$/);
    expect(refusal).toMatchObject({ code: 'rate_limited', status: 429 });
  });

  it('count tokens as the provider bills them', async () => {
    // Estimated: a few of input and at most 10 of output; billed: 15.
    const { ask } = await world({ limits: { tokensPerMinute: 40 } }, { m: {} });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await ask()).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
  });

  it('spill to another target when the first is used up', async () => {
    const other = await holdingProvider();
    other.open();
    closers.push(() => other.close());
    const { provider, ask, sidecar } = await world(
      { credentials: [key('a', { requestsPerMinute: 1 })] },
      { m: {} },
    );
    sidecar.publish([
      providerItem('main', provider.url, { credentials: [key('a', { requestsPerMinute: 1 })] }),
      providerItem('spare', other.url),
      routeItem('to-m', ['m'], [rule([target('main'), target('spare', { priority: 1 })])]),
    ]);
    for (let i = 0; i < 3; i++) expect((await ask()).status).toBe(200);
    expect([provider.keys.length, other.keys.length]).toEqual([1, 2]);
  });
});

describe('a key that the provider says is nearly used up', () => {
  it('is left alone before it is refused', async () => {
    const { provider, ask } = await world(
      { type: 'OpenAI', credentials: [key('a')] },
      { m: {} },
      {
        answering: () => ({
          headers: [
            'x-ratelimit-limit-requests',
            '60',
            'x-ratelimit-remaining-requests',
            '0',
            'x-ratelimit-reset-requests',
            '30s',
          ],
        }),
      },
    );
    expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.json().error.message).toContain('the provider said of key a: no request is left');
    expect(provider.keys).toHaveLength(1);
  });
});

describe('a key that is dead', () => {
  it('is left out by every route until it changes', async () => {
    let dead = 'sk-a';
    const provider = await holdingProvider((_, k) => (k === dead ? { status: 401 } : undefined));
    provider.open();
    closers.push(() => provider.close());
    const source = new InProcessSource();
    const snapshot = snapshotOf([
      providerItem('main', provider.url, { credentials: [key('a'), { ...key('b'), weight: 1 }] }),
      routeItem('one', ['one'], [rule([target('main')])]),
      routeItem('two', ['two'], [rule([target('main')])]),
    ]);
    const sidecar = await startTestSidecar(undefined, { source, random: () => 0 });
    closers.push(() => sidecar.close());
    const publish = (a: string) => {
      const set = credentialsOf(snapshot);
      set.version = a;
      set.credentials = set.credentials.map((c) => ({
        ...c,
        value: c.id.endsWith('/a') ? a : 'sk-b',
      }));
      source.publish(snapshot, set);
    };
    publish('sk-a');
    const ask = (model: string) =>
      callJson(`${sidecar.url}/v1/chat/completions`, {
        model,
        messages: [{ role: 'user', content: 'hi' }],
      });
    // The first choice is key a, and its refusal costs nobody an answer.
    expect((await ask('one')).status).toBe(200);
    expect(provider.keys).toEqual(['sk-a', 'sk-b']);
    for (const model of ['two', 'one', 'two']) expect((await ask(model)).status).toBe(200);
    expect(provider.keys.slice(2)).toEqual(['sk-b', 'sk-b', 'sk-b']);
    dead = 'none';
    publish('sk-a2');
    expect((await ask('two')).status).toBe(200);
    expect(provider.keys.at(-1)).toBe('sk-a2');
  });
});

describe('calls at once', () => {
  const one = { limits: { maxConcurrent: 1 } };

  it('never exceed their limit, and those who may wait are all served', async () => {
    const { provider, ask, sidecar } = await world(
      { limits: { maxConcurrent: 3 } },
      { m: admission('Normal', 8000) },
    );
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(provider.most).toBeLessThanOrEqual(3);
    await until(() => sidecar.ended.length === 40);
  });

  it('go to the more important first', async () => {
    const { provider, ask, sidecar } = await world(
      one,
      {
        m: admission('Normal', 8000),
        batch: admission('Batch', 8000),
        chief: admission('Critical', 8000),
      },
      { open: false },
    );
    const all = [ask('first', 'm')];
    await until(() => provider.held === 1);
    all.push(ask('b', 'batch'), ask('n', 'm'));
    all.push(ask('c', 'chief'));
    await until(() => sidecar.waiting() === 3);
    for (const done of [2, 3, 4]) {
      provider.release();
      await until(() => provider.prompts.length === done);
    }
    provider.release();
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(provider.prompts).toEqual(['first', 'c', 'n', 'b']);
    expect(provider.most).toBe(1);
  });

  it('are not taken by callers that have left while they waited, or while they were served', async () => {
    const { provider, ask, sidecar } = await world(one, { m: admission('Normal', 8000) }, { open: false });
    const leaving: ClientRequest[] = [];
    const leave = (prompt: string) =>
      call(`${sidecar.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: prompt }] }),
        onRequest: (req) => leaving.push(req),
      }).catch(() => undefined);
    const gone = [leave('served')];
    await until(() => provider.held === 1);
    gone.push(leave('waits'));
    const stays = ask('stays');
    await until(() => sidecar.waiting() === 2);
    leaving[1]?.destroy();
    await until(() => sidecar.ended.length === 1);
    leaving[0]?.destroy();
    await until(() => provider.prompts.length === 2);
    provider.open();
    expect((await stays).status).toBe(200);
    await Promise.all(gone);
    expect(provider.prompts).toEqual(['served', 'stays']);
    expect(sidecar.ended[0]?.outcome).toMatchObject({ status: 499, cancelled: true });
    expect(sidecar.ended[0]?.attempts).toHaveLength(0);
    // The one place is free again.
    expect((await ask('again')).status).toBe(200);
  });

  it('are refused when nothing frees in time', async () => {
    const { provider, ask } = await world(one, { m: admission('Normal', 60) }, { open: false });
    const first = ask('first');
    await until(() => provider.held === 1);
    const late = await ask('late');
    expect(late.status).toBe(429);
    expect(late.json().error.code).toBe('admission_timeout');
    expect(Number(late.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    provider.open();
    expect((await first).status).toBe(200);
  });

  it('are given back by attempts that fail, whatever the failure', async () => {
    const statuses = [500, 429, 400, 503, 200];
    let asked = 0;
    const { ask } = await world(
      { ...one, passive: { consecutiveErrors: 1000, ejectionMs: 1, maxEjectionMs: 1 } },
      { m: {} },
      { answering: () => ({ status: statuses[asked++ % statuses.length] as number }) },
    );
    for (const status of statuses) expect((await ask()).status).toBe(status);
  });

  it('are given back when an attempt takes too long', async () => {
    const timeouts = { ...rule([target('main')]).timeouts, attemptMs: 60 };
    const { provider, ask } = await world(one, { m: { timeouts } }, { open: false });
    expect((await ask()).status).toBe(504);
    provider.open();
    expect((await ask()).status).toBe(200);
  });

  it('and requests a minute count on paths that pass through unread', async () => {
    const passthrough = [{ methods: ['POST'], pathPrefix: '/v1/files' }];
    const { provider, sidecar } = await world({ limits: { requestsPerMinute: 1 } }, { m: { passthrough } });
    const upload = () => callJson(`${sidecar.url}/v1/files?model=m`, { model: 'm', data: 'x' });
    expect((await upload()).status).toBe(200);
    const refused = await upload();
    expect([refused.status, refused.json().error.code]).toEqual([429, 'rate_limited']);
    expect(provider.keys).toHaveLength(1);
  });

  it('are so many as the model has, where only they are limited', async () => {
    const { provider, ask } = await world(
      { concurrency: { mode: 'Fixed', max: 2 } },
      { m: admission('High', 5000) },
    );
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(provider.most).toBeLessThanOrEqual(2);
  });
});

describe('a model that is slow', () => {
  it('is ejected although it answers, and explain says why', async () => {
    const slowCall = { thresholdMs: 20, percent: 50, minCalls: 3 };
    const passive = { consecutiveErrors: 5, ejectionMs: 60_000, maxEjectionMs: 60_000, slowCall };
    const { provider, ask, sidecar } = await world({ passive }, { m: {} }, { open: false });
    for (let i = 0; i < 3; i++) {
      const answer = ask();
      await until(() => provider.held === 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
      provider.release();
      expect((await answer).status).toBe(200);
    }
    const explained = await callJson(`${sidecar.adminUrl}/explain`, {
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
    });
    const { targets } = explained.json() as never as { targets: { reason: string; detail: string }[] };
    expect(targets[0]?.reason).toBe('LastResort');
    expect(targets[0]?.detail).toContain('3 of 3 calls of the last minute took longer than 20 ms');
    provider.open();
  });
});
