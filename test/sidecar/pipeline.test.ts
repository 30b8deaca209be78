import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { LearnedUsage } from '../../sidecar/accounting/learned-usage.ts';
import type { Row } from '../../sidecar/accounting/rows.ts';
import type { Attempt, Exchange, Outcome } from '../../sidecar/exchange.ts';
import { MemoryBudget } from '../../sidecar/limits/memory-budget.ts';
import { ParseBudget } from '../../sidecar/limits/parse-budget.ts';
import { Pipeline } from '../../sidecar/pipeline.ts';
import type { Candidate } from '../../sidecar/routing/plan.ts';
import { routingState } from '../../sidecar/routing/state.ts';
import { Gate } from '../../sidecar/server/gate.ts';
import { Listener } from '../../sidecar/server/listener.ts';
import { listModels } from '../../sidecar/server/models.ts';
import { ServedConfig } from '../../sidecar/server/served-config.ts';
import { ConfigHolder } from '../../sidecar/snapshot/holder.ts';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, snapshotOf, target } from './support/configuration.ts';
import { callJson } from './support/http.ts';
import { until } from './support/sidecar.ts';

const memory = new MemoryBudget();
let listener: Listener | undefined;
let rows: Row[] = [];
let ended: Exchange[] = [];
let warnings: string[] = [];

afterEach(async () => {
  await listener?.close();
  if (memory.used !== 0) throw new Error(`${memory.used} bytes are still held`);
});

function effective(items: Snapshot['items']) {
  const holder = new ConfigHolder();
  holder.apply(snapshotOf(items));
  if (!holder.effective) throw new Error('nothing runs');
  return holder.effective;
}

/** A pipeline whose upstream side is `run`; the URL of its chat endpoint. */
async function start(items: Snapshot['items'], run: (exchange: Exchange) => Promise<void>): Promise<string> {
  rows = [];
  ended = [];
  warnings = [];
  const config = new ServedConfig();
  config.swap(effective(items));
  const pipeline = new Pipeline({
    config,
    gate: new Gate(),
    memory,
    parse: new ParseBudget(),
    maxBodyBytes: 1_000_000,
    health: { ejection: () => undefined, hasCredential: () => true },
    state: routingState(),
    dispatch: { run },
    sockets: { run: () => Promise.reject(new Error('no sockets here')) },
    learned: new LearnedUsage(),
    rows: { append: (row) => rows.push(row) },
    telemetry: { record: (exchange) => ended.push(exchange) },
    warn: (message) => warnings.push(message),
    random: () => 0,
  });
  listener = new Listener({ request: (req, res, expects) => pipeline.handle(req, res, expects) });
  return `http://127.0.0.1:${await listener.listen({ host: '127.0.0.1', port: 0 })}/v1/chat/completions`;
}

const simple = () => [
  providerItem('main', 'http://127.0.0.1:1/v1'),
  routeItem('assistant', ['assistant'], [rule([target('main')])]),
];
const ask = { model: 'assistant', messages: [{ role: 'user', content: 'hi there' }] };

function attemptOf(exchange: Exchange): Attempt {
  const candidate = exchange.plan?.candidates[0] as Candidate;
  return {
    candidate,
    kind: 'First',
    startedAt: performance.now(),
    sentAt: undefined,
    headersAt: undefined,
    committedAt: undefined,
    endedAt: performance.now(),
    httpStatus: 200,
    failure: undefined,
    scope: undefined,
    errorCode: undefined,
    cancelled: false,
    noWork: false,
    upstreamRequestId: undefined,
    responseModel: undefined,
    responseId: undefined,
    finishReasons: ['stop'],
    outputBytes: 0,
    rawUsage: { prompt_tokens: 3, completion_tokens: 2 },
    settlement: undefined,
  };
}

const ok: Outcome = {
  status: 200,
  endedAt: 0,
  errorCode: undefined,
  broken: false,
  cancelled: false,
  streamed: false,
  responseBytes: 2,
};

describe('Pipeline', () => {
  it('hands dispatch a planned exchange, settles what it left, and records it once', async () => {
    const url = await start(simple(), (exchange) => {
      expect(exchange).toMatchObject({
        path: '/v1/chat/completions',
        route: 'shop/assistant',
        modelPattern: 'assistant',
        plan: { candidates: [{ upstreamModel: 'assistant' }], maxAttempts: 1 },
        facts: { turns: 1, replay: 'Free' },
      });
      exchange.attempts.push(attemptOf(exchange));
      exchange.res.end('{}');
      exchange.outcome = ok;
      return Promise.resolve();
    });
    expect((await callJson(url, ask)).status).toBe(200);
    await until(() => ended.length === 1);
    expect(rows).toEqual([
      expect.objectContaining({ source: 'Provider', usage: expect.objectContaining({ input: 3 }) }),
    ]);
    expect(ended[0]?.envelope?.body).toHaveLength(0);
    expect(ended[0]?.steps.map((step) => step.what)).toEqual(['route shop/assistant', 'rule main']);
  });

  it('keeps nothing of a body that dispatch has let go, however long the answer goes on', async () => {
    let body: WeakRef<ArrayBufferLike> | undefined;
    let finish = (): void => {};
    const url = await start(simple(), (exchange) => {
      if (exchange.envelope) body = new WeakRef(exchange.envelope.body.buffer);
      exchange.releaseBody();
      return new Promise((resolve) => {
        finish = () => {
          exchange.res.end('{}');
          exchange.outcome = ok;
          resolve();
        };
      });
    });
    const prompt = 'word '.repeat(100_000);
    const answered = callJson(url, { model: 'assistant', messages: [{ role: 'user', content: prompt }] });
    await until(() => body !== undefined);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await until(() => {
      collect();
      return body?.deref() === undefined;
    });
    finish();
    expect((await answered).status).toBe(200);
  });

  it('answers a fault of ours with an error that names the request, and tells it in full', async () => {
    const url = await start(simple(), () => Promise.reject(new Error('secret detail')));
    const answer = await callJson(url, ask);
    expect([answer.status, answer.json().error.code]).toEqual([500, 'internal_error']);
    expect(answer.text).not.toContain('secret detail');
    expect(answer.json().error.message).toContain(String(answer.headers['x-outrider-request-id']));
    await until(() => ended.length === 1);
    expect(warnings[0]).toContain('secret detail');
  });

  it('breaks a connection whose answer it cannot complete', async () => {
    const url = await start(simple(), (exchange) => {
      exchange.attempts.push(attemptOf(exchange));
      exchange.res.writeHead(200);
      exchange.res.write('half');
      return Promise.reject(new Error('boom'));
    });
    await expect(callJson(url, ask)).rejects.toThrow(/aborted|hang up/);
    await until(() => ended.length === 1);
    expect(ended[0]?.outcome).toMatchObject({ status: 200, broken: true, errorCode: 'internal_error' });
    expect(rows).toHaveLength(1);
  });

  it('refuses before dispatch what no rule takes, and what a patch cannot change safely', async () => {
    const patch = { set: [], default: [], remove: ['seed'], headers: [] };
    const items = [
      providerItem('main', 'http://127.0.0.1:1/v1'),
      routeItem(
        'assistant',
        ['assistant'],
        [rule([target('main', { patch })], { matches: [{ request: { tools: false } }] })],
      ),
    ];
    const url = await start(items, () => Promise.reject(new Error('it was dispatched')));
    const tools = await callJson(url, { ...ask, tools: [{ type: 'function', function: { name: 'f' } }] });
    expect([tools.status, tools.json().error.code]).toEqual([404, 'no_rule_matched']);
    const twice = await callJson(url, `{"seed":1,"seed":2,${JSON.stringify(ask).slice(1)}`);
    expect([twice.status, twice.json().error.code]).toEqual([400, 'duplicate_member']);
    const fine = await callJson(url, `{"other":1,"other":2,${JSON.stringify(ask).slice(1)}`);
    expect(fine.status).toBe(500);
  });

  it('answers for an invalid route with 503, and only for it', async () => {
    const broken = {
      ...routeItem('broken', ['broken'], []),
      state: 'Invalid' as const,
      reason: 'no such provider',
    };
    const { body: _, ...invalid } = broken;
    const url = await start([...simple(), invalid], (exchange) => {
      exchange.res.end('{}');
      exchange.outcome = ok;
      return Promise.resolve();
    });
    const refused = await callJson(url, { ...ask, model: 'broken' });
    expect([refused.status, refused.json().error.code]).toEqual([503, 'route_invalid']);
    expect(refused.json().error.message).toContain('no such provider');
    expect((await callJson(url, ask)).status).toBe(200);
  });
});

describe('listModels', () => {
  const models = (...names: string[]) => names.map((name) => ({ name, upstreamName: name }));

  it('has exact names, and declared models behind wildcards', () => {
    const listed = listModels(
      effective([
        providerItem('main', 'http://127.0.0.1:1/v1', {
          models: [
            ...models('gpt-a', 'gpt-b', 'other'),
            { name: 'gpt-c', upstreamName: 'gpt-c', catalogued: true },
          ],
        }),
        providerItem('fixed', 'http://127.0.0.1:1/v1', { models: models('gpt-z') }),
        routeItem('assistant', ['assistant', 'gpt-a'], [rule([target('main', { model: 'gpt-b' })])]),
        routeItem('wild', ['gpt-*'], [rule([target('main'), target('fixed', { model: 'gpt-z' })])]),
      ]),
    );
    expect(listed).toEqual([
      { id: 'assistant', owner: 'shop/assistant' },
      { id: 'gpt-a', owner: 'shop/assistant' },
      { id: 'gpt-b', owner: 'main' },
    ]);
  });
});
