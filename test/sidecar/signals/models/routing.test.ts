/** Rules that ask models what a prompt is, over real HTTP: a sidecar, an app, and providers that are asked. */
import { afterEach, describe, expect, it } from 'vitest';
import { embeddingOf } from '../../../../dev/providers/embedding.ts';
import {
  type ScriptedProvider,
  type ScriptedProviderOptions,
  startScriptedProvider,
} from '../../../../dev/providers/server.ts';
import { canonicalJson } from '../../../../sidecar/snapshot/hash.ts';
import type { MatchBody, ProviderBody, RouteItem } from '../../../../sidecar/snapshot/schema.ts';
import type {
  ClassifierBody,
  EmbeddingsBody,
  SignalsBody,
} from '../../../../sidecar/snapshot/shapes/signals.ts';
import { packVectors, vectorsBody } from '../../../../sidecar/snapshot/vectors.ts';
import { createTelemetry } from '../../../../sidecar/telemetry/create.ts';
import type { LogRecord } from '../../../../sidecar/telemetry/summary.ts';
import { providerItem, routeItem, rule, snapshotOf, target } from '../../support/configuration.ts';
import { call, callJson } from '../../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../../support/sidecar.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function scripted(options: ScriptedProviderOptions = {}): Promise<ScriptedProvider> {
  const provider = await startScriptedProvider(options);
  closing.push(() => provider.close());
  return provider;
}

const LABELS = [
  { name: 'hard', description: 'asks for a proof or an algorithm' },
  { name: 'easy', description: 'small talk' },
];
const classifier = (more: Partial<ClassifierBody> = {}): ClassifierBody => ({
  target: target('judge', { model: 'small' }),
  timeoutMs: 2000,
  maxInputTokens: 200,
  maxOutputTokens: 64,
  cacheMs: 60_000,
  labels: LABELS,
  ...more,
});
const embeddings = (more: Partial<EmbeddingsBody> = {}): EmbeddingsBody => ({
  target: target('judge', { model: 'vectors' }),
  timeoutMs: 2000,
  maxInputTokens: 200,
  cacheMs: 60_000,
  ...more,
});
const INTENTS = [
  {
    name: 'billing',
    examples: ['please refund my last order', 'why was my credit card charged twice', 'send me the invoice'],
  },
  {
    name: 'coding',
    examples: ['write a python function that sorts a list', 'fix the bug in this typescript class'],
  },
];
const intents = (more: Partial<EmbeddingsBody> = {}): SignalsBody => ({
  intents: {
    method: 'Embeddings',
    embeddings: embeddings(more),
    minScorePercent: 30,
    marginPercent: 2,
    list: INTENTS,
  },
});

/** A route whose rule `first` goes to the provider `left`, everything else to `right`. */
function route(signals: SignalsBody, match: MatchBody): RouteItem {
  const item = routeItem(
    'chat',
    ['assistant'],
    [
      rule([target('left', { model: 'l' })], { name: 'first', matches: [match] }),
      rule([target('right', { model: 'r' })], { name: 'rest' }),
    ],
  );
  return { ...item, body: { ...(item.body as NonNullable<RouteItem['body']>), signals } };
}

interface Set {
  sidecar: TestSidecar;
  judge: ScriptedProvider;
  logged: LogRecord[];
  ask: (
    content: string,
    headers?: Record<string, string>,
  ) => Promise<{ rule: string; id: string; status: number }>;
}

async function start(
  signals: SignalsBody,
  match: MatchBody,
  judged: ScriptedProviderOptions = {},
  body: Partial<ProviderBody> = {},
): Promise<Set> {
  const judge = await scripted(judged);
  const [left, right] = [await scripted(), await scripted()];
  const logged: LogRecord[] = [];
  const sidecar = await startTestSidecar(
    [
      providerItem('judge', judge.url, {
        models: [
          {
            name: 'small',
            upstreamName: 'small-1',
            capabilities: ['Chat', 'JSONSchema'],
            prices: { input: 100, output: 400 },
          },
          {
            name: 'vectors',
            upstreamName: 'vectors',
            capabilities: ['Embeddings'],
            prices: { input: 20, output: 0 },
          },
        ],
        ...body,
      }),
      providerItem('left', left.url),
      providerItem('right', right.url),
      route(signals, match),
    ],
    {
      telemetry: (gauges) =>
        createTelemetry({
          version: 'test',
          gauges,
          env: {},
          accessLog: false,
          warn: () => {},
          onRequest: (record) => logged.push(record),
        }),
    },
  );
  closing.push(() => sidecar.close());
  const ask: Set['ask'] = async (content, headers = {}) => {
    const answer = await callJson(
      `${sidecar.url}/v1/chat/completions`,
      { model: 'assistant', messages: [{ role: 'user', content }] },
      headers,
    );
    return {
      status: answer.status,
      rule: String(answer.headers['x-outrider-rule']),
      id: String(answer.headers['x-outrider-request-id']),
    };
  };
  return { sidecar, judge, logged, ask };
}

const HARD: MatchBody = { prompt: { labels: ['hard'] } };
const BILLING: MatchBody = { prompt: { intents: ['billing'] } };
const bodyOf = (provider: ScriptedProvider, index: number) =>
  JSON.parse(String(provider.requests[index]?.body)) as Record<string, unknown>;

describe('a classifier', () => {
  it('routes by the label that a model gives, asked once for the same text', async () => {
    const { ask, judge } = await start({ classifier: classifier() }, HARD);
    expect(await ask('a hard question')).toMatchObject({ status: 200, rule: 'first' });
    expect(await ask('an easy question')).toMatchObject({ rule: 'rest' });
    expect(judge.count).toBe(2);
    expect(await ask('a hard question')).toMatchObject({ rule: 'first' });
    expect(judge.count).toBe(2);
    expect(bodyOf(judge, 0)).toMatchObject({
      model: 'small-1',
      max_tokens: 64,
      response_format: { type: 'json_schema', json_schema: { strict: true } },
      messages: [{ role: 'system' }, { role: 'user', content: 'a hard question' }],
    });
  });

  it('shows a model the prompt and nothing else of the app', async () => {
    const { ask, judge } = await start({ classifier: classifier() }, HARD);
    await ask('hard', {
      authorization: 'Bearer sk-app',
      'x-api-key': 'app',
      'x-team': 'blue',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    const raw = judge.requests[0]?.rawHeaders ?? [];
    expect(
      raw
        .filter((_, i) => i % 2 === 0)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual(['accept-encoding', 'authorization', 'connection', 'content-length', 'content-type', 'host']);
    expect(judge.requests[0]?.headers.authorization).toBe('Bearer sk-test');
  });

  it('sends the headers that its target sets, which the admin port names and does not show', async () => {
    const patch = { set: [], default: [], remove: [], headers: [{ name: 'X-Team', value: 's3cret' }] };
    const asked = classifier({ target: target('judge', { model: 'small', patch }) });
    const { sidecar, ask, judge } = await start({ classifier: asked }, HARD);
    await ask('hard');
    expect(judge.requests[0]?.headers['x-team']).toBe('s3cret');
    const shown = (await call(`${sidecar.adminUrl}/snapshot`)).text;
    expect(shown).toContain('X-Team');
    expect(shown).not.toContain('s3cret');
  });

  it('asks nobody where no rule that may be the first needs to know', async () => {
    const { ask, judge } = await start(
      { classifier: classifier() },
      { ...HARD, headers: [{ name: 'x-ask', type: 'Exact', value: 'yes' }] },
    );
    expect(await ask('hard')).toMatchObject({ rule: 'rest' });
    expect(judge.count).toBe(0);
    expect(await ask('hard', { 'x-ask': 'yes' })).toMatchObject({ rule: 'first' });
    expect(judge.count).toBe(1);
  });

  it('is unknown after its time, by whenUnknown, and is then left alone for a while', async () => {
    const { ask, sidecar } = await start(
      { classifier: classifier({ timeoutMs: 60 }) },
      { ...HARD, whenUnknown: 'Match' },
      { behaviour: { failure: { kind: 'HangBeforeHeaders' } } },
    );
    const asked = () => sidecar.rows.filter(({ purpose }) => purpose).length;
    for (const text of ['easy 1', 'easy 2', 'easy 3'])
      expect(await ask(text)).toMatchObject({ status: 200, rule: 'first' });
    expect(asked()).toBe(3);
    expect(await ask('easy 4')).toMatchObject({ rule: 'first' });
    expect(asked()).toBe(3);
  });

  it.each([
    ['a refused connection', undefined],
    ['an error', { failure: { kind: 'Status', status: 500 } }],
    ['an answer that is no label', { text: 'I think it is quite hard.' }],
    ['a label that is not listed', { text: '{"label":"medium"}' }],
    ['half an answer', { failure: { kind: 'GarbageJson' } }],
  ] as const)('is unknown on %s', async (_, behaviour) => {
    const { ask, judge, sidecar } = await start({ classifier: classifier() }, HARD, {
      behaviour: behaviour ?? {},
    });
    if (behaviour === undefined) await judge.refuse();
    const { id, rule: taken, status } = await ask('hard');
    expect([status, taken]).toEqual([200, 'rest']);
    const { steps } = (await call(`${sidecar.adminUrl}/requests/${id}`)).json() as unknown as {
      steps: { detail: string }[];
    };
    expect(steps.map(({ detail }) => detail).join()).toContain('unknown: ');
  });

  it('stops asking when the caller leaves', async () => {
    const { sidecar, judge } = await start({ classifier: classifier({ timeoutMs: 20_000 }) }, HARD, {
      behaviour: { failure: { kind: 'HangBeforeHeaders' } },
    });
    let leave = (): unknown => undefined;
    const left = leavable(sidecar.url, 'hard', (destroy) => (leave = destroy));
    await until(() => judge.count === 1);
    leave();
    await left;
    expect(await judge.requests[0]?.closed).toBe(true);
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ purpose: 'Classifier', outcome: 'Cancelled' });
    expect(sidecar.memory.used).toBe(0);
  });

  it('does not show a prompt to a model that the rules would not send it to', async () => {
    const { sidecar, ask, judge } = await start({ classifier: classifier() }, HARD);
    const item = route({ classifier: classifier() }, HARD);
    const [first, rest] = item.body?.rules ?? [];
    if (!item.body || !first || !rest) throw new Error('no rules');
    item.body.rules = [first, { ...rest, constraints: { dataPolicy: { training: 'Never' } } }];
    const careful = { dataPolicy: { training: 'Never' as const } };
    sidecar.publish([
      providerItem('judge', judge.url),
      providerItem('left', judge.url, careful),
      providerItem('right', judge.url, careful),
      item,
    ]);
    expect(await ask('hard')).toMatchObject({ status: 200, rule: 'rest' });
    expect(judge.requests).toHaveLength(1);
    expect(sidecar.rows.filter(({ purpose }) => purpose)).toEqual([]);
  });
});

describe('intents by vectors', () => {
  it('routes by the nearest example, whose vectors are asked for once', async () => {
    const { ask, judge } = await start(intents(), BILLING);
    expect(await ask('I want a refund for my order')).toMatchObject({ status: 200, rule: 'first' });
    expect(judge.count).toBe(2);
    expect(await ask('write a function in typescript that sorts a list')).toMatchObject({ rule: 'rest' });
    expect(judge.count).toBe(3);
    expect(await ask('I want a refund for my order')).toMatchObject({ rule: 'first' });
    expect(await ask('tell me a story about a dragon')).toMatchObject({ rule: 'rest' });
    expect(judge.count).toBe(4);
    const inputs = judge.requests.map((_, i) => (bodyOf(judge, i)['input'] as string[]).length);
    expect(inputs.toSorted((a, b) => b - a)).toEqual([5, 1, 1, 1]);
  });

  it('asks nobody for vectors of examples that came with the snapshot', async () => {
    const { sidecar, ask, judge } = await start(intents(), BILLING);
    const texts = INTENTS.flatMap(({ examples }) => examples);
    const packed = packVectors(texts.map((text) => [...embeddingOf(text, 512)]));
    if (!packed) throw new Error('they could not be packed');
    const signals = intents({ vectors: 'abc' });
    const items = [
      providerItem('judge', judge.url),
      providerItem('left', judge.url),
      providerItem('right', judge.url),
    ];
    const sent = {
      ...snapshotOf([...items, route(signals, BILLING)]),
      vectors: { abc: vectorsBody(packed) },
    };
    sidecar.holder.apply(JSON.parse(canonicalJson(sent)) as typeof sent);
    expect(await ask('I want a refund for my order')).toMatchObject({ rule: 'first' });
    expect(judge.requests.filter(({ url }) => url === '/v1/embeddings')).toHaveLength(1);
  });

  it('cuts long prompts to what the model may cost', async () => {
    const { ask, judge } = await start(intents({ maxInputTokens: 16 }), BILLING);
    await ask(`refund ${'word '.repeat(2000)} order`);
    const sent = judge.requests
      .map((_, i) => bodyOf(judge, i)['input'] as string[])
      .find((input) => input.length === 1);
    expect(sent?.[0]).toMatch(/^refund/);
    expect(sent?.[0]).toMatch(/order$/);
    expect(sent?.[0]?.length).toBeLessThan(100);
  });

  it('is unknown while the provider is down, and known when it is back', async () => {
    const passive = { consecutiveErrors: 5, ejectionMs: 20, maxEjectionMs: 20 };
    const { ask, judge } = await start(intents(), BILLING, {}, { passive });
    expect(await ask('I want a refund for my order')).toMatchObject({ rule: 'first' });
    await judge.refuse();
    expect(await ask('please refund my last order now')).toMatchObject({ status: 200, rule: 'rest' });
    await judge.resume();
    await until(async () => (await ask('please refund my last order now')).rule === 'first');
  });
});

describe('an explanation', () => {
  const explained = async (sidecar: TestSidecar, query: string) => {
    const body = { model: 'assistant', messages: [{ role: 'user', content: 'a hard question' }] };
    const answer = await callJson(`${sidecar.adminUrl}/explain${query}`, body);
    return answer.json() as unknown as {
      rule: string;
      request: { signals: string[] };
      steps: { detail: string }[];
    };
  };

  it('asks no model unless told, and shows what is remembered', async () => {
    const { sidecar, judge, ask } = await start({ classifier: classifier() }, HARD);
    const before = await explained(sidecar, '');
    expect(before.rule).toBe('rest');
    expect(before.request.signals.join()).toContain('label unknown: a model is asked for it');
    expect(judge.count).toBe(0);
    await ask('a hard question');
    const after = await explained(sidecar, '');
    expect(after.rule).toBe('first');
    expect(after.steps.map(({ detail }) => detail).join()).toContain('label hard (remembered)');
    expect(judge.count).toBe(1);
  });

  it('asks now where it is told to', async () => {
    const { sidecar, judge } = await start({ classifier: classifier() }, HARD);
    expect(await explained(sidecar, '?ask=true')).toMatchObject({ rule: 'first' });
    expect(judge.count).toBe(1);
    expect(sidecar.rows).toMatchObject([{ purpose: 'Classifier' }]);
    expect(sidecar.rows[0]?.parent).toBeUndefined();
  });
});

describe('what asking costs', () => {
  it('is in rows, metrics and the log, apart from what the app asked', async () => {
    const { ask, sidecar, logged } = await start(
      { classifier: classifier(), ...intents() },
      { prompt: { labels: ['hard'], intents: ['billing'] } },
    );
    const { id } = await ask('a hard refund for my order');
    const own = sidecar.rows.filter(({ purpose }) => purpose !== undefined);
    expect(own.map((row) => `${row.purpose} ${row.parent} ${row.operation} ${row.rule}`).sort()).toEqual(
      [
        `Classifier ${id} chat signals.classifier`,
        `Intents ${id} embeddings signals.intents`,
        'Intents undefined embeddings signals.intents',
      ].sort(),
    );
    expect(new Set(own.map(({ route: of }) => of))).toEqual(new Set(['shop/chat']));
    expect(sidecar.rows.filter(({ purpose }) => purpose === undefined)).toHaveLength(1);

    const page = (await call(`${sidecar.adminUrl}/metrics`)).text;
    const value = (name: string, ...labels: string[]): number =>
      page
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    expect(value('outrider_internal_requests_total', 'purpose="Classifier"', 'outcome="OK"')).toBe(1);
    expect(value('outrider_internal_requests_total', 'purpose="Intents"', 'outcome="OK"')).toBe(2);
    expect(value('outrider_requests_total')).toBe(1);
    for (const name of ['signals.classifier', 'signals.intents']) {
      const of = own.filter((row) => row.rule === name);
      const tokens = of.reduce((sum, { usage }) => sum + usage.input + usage.output, 0);
      const nano = of.reduce((sum, { costNanoUsd = '0' }) => sum + Number(costNanoUsd), 0);
      expect(tokens).toBeGreaterThan(0);
      expect(nano).toBeGreaterThan(0);
      expect(value('outrider_tokens_total', `rule="${name}"`)).toBe(tokens);
      expect(value('outrider_cost_usd_total', `rule="${name}"`)).toBeCloseTo(nano / 1e9, 12);
      expect(value('outrider_attempts_total', `rule="${name}"`)).toBe(of.length);
    }

    const lines = logged.filter(({ parent }) => parent === id);
    expect(new Set(lines.map(({ purpose }) => purpose))).toEqual(new Set(['Classifier', 'Intents']));
    const detail = (await call(`${sidecar.adminUrl}/requests/${id}`)).json() as unknown as {
      asked: { id: string; purpose: string; outcome: string }[];
    };
    expect(detail.asked.map(({ purpose, outcome }) => `${purpose} ${outcome}`).sort()).toEqual([
      'Classifier OK',
      'Intents OK',
    ]);
  });
});

/** A request whose caller can leave. */
function leavable(url: string, content: string, started: (destroy: () => void) => void): Promise<unknown> {
  const body = JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content }] });
  return call(`${url}/v1/chat/completions`, {
    body,
    headers: { 'content-type': 'application/json' },
    onRequest: (req) => started(() => req.destroy()),
  }).catch(() => undefined);
}
