/** Requests of the sidecar itself, over real HTTP: what they send, how they end, and what is counted of them. */
import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { LearnedUsage } from '../../../sidecar/accounting/learned-usage.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import { Dispatcher } from '../../../sidecar/dispatch/dispatcher.ts';
import type { Exchange } from '../../../sidecar/exchange.ts';
import { Asker, type Question } from '../../../sidecar/internal/asker.ts';
import { CapturedResponse, innerRequest } from '../../../sidecar/internal/captured-response.ts';
import { internalRule } from '../../../sidecar/internal/internal-rule.ts';
import { MemoryBudget } from '../../../sidecar/limits/memory-budget.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import { buildTable, type TableRoute } from '../../../sidecar/routing/table.ts';
import { type Clock, systemClock } from '../../../sidecar/snapshot/clock.ts';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import type { EffectiveSnapshot } from '../../../sidecar/snapshot/effective.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';
import { credentialsOf, providerItem, routeItem, snapshotOf, target } from '../support/configuration.ts';
import { until } from '../support/sidecar.ts';

const providers: ScriptedProvider[] = [];
const dispatchers: Dispatcher[] = [];

afterEach(async () => {
  for (const dispatcher of dispatchers.splice(0)) dispatcher.close();
  for (const provider of providers.splice(0)) await provider.close();
});

async function scripted(
  options: Parameters<typeof startScriptedProvider>[0] = {},
): Promise<ScriptedProvider> {
  const provider = await startScriptedProvider(options);
  providers.push(provider);
  return provider;
}

/** One provider, and a rule that asks it as the classifier of a route would. */
function asking(
  url: string,
  { timeoutMs = 2000, clock = systemClock }: { timeoutMs?: number; clock?: Clock } = {},
) {
  const provider = providerItem('judge', url);
  const rule = internalRule('Classifier', target('judge', { model: 'small' }), timeoutMs);
  const { id, rank, models, generation, body } = routeItem('chat', ['assistant'], [rule]);
  const effective: EffectiveSnapshot = {
    hash: 'h',
    routes: [{ id, rank, models, generation, body, reason: undefined }],
    providers: new Map([[provider.id, { ...provider, body: provider.body, reason: undefined }]]),
  };
  const credentials = new CredentialStore();
  credentials.apply(credentialsOf(snapshotOf([provider])));
  const memory = new MemoryBudget(32 * 1024 * 1024);
  const dispatcher = new Dispatcher({ credentials, memory, clock });
  dispatchers.push(dispatcher);
  dispatcher.apply(effective);
  const route = buildTable(effective).routes[0] as TableRoute;
  const rows: Row[] = [];
  const recorded: Exchange[] = [];
  const warnings: string[] = [];
  const asker = new Asker({
    rows: { append: (row) => rows.push(row) },
    telemetry: { record: (exchange) => recorded.push(exchange) },
    warn: (message) => warnings.push(message),
    memory,
    learned: new LearnedUsage(),
    health: dispatcher.health,
    state: routingState(),
    dispatch: dispatcher,
    clock,
    random: () => 0.5,
  });
  const ask = (more: Partial<Question> = {}) =>
    asker.ask({
      purpose: 'Classifier',
      route,
      rule: route.rules[0] as TableRoute['rules'][number],
      dialect: 'Chat',
      body: { model: 'small', messages: [{ role: 'user', content: 'hello' }], max_tokens: 4 },
      timeoutMs,
      maxInputTokens: 1000,
      ...more,
    });
  return { ask, rows, recorded, warnings, memory };
}

/** An app's request, as far as one made on its behalf looks at it. */
function caller(): Exchange {
  const res = new CapturedResponse(innerRequest('/v1/chat/completions', []), 1000);
  return { id: 'app.1', res } as unknown as Exchange;
}

describe('a request of the sidecar itself', () => {
  it('gets the parsed answer, and is a row, a record and an id of its own', async () => {
    const judge = await scripted({ behaviour: { text: 'code' } });
    const { ask, rows, recorded, warnings, memory } = asking(judge.url);
    const parent = caller();
    const asked = await ask({ parent });
    expect(asked).toMatchObject({ ok: true, answer: { choices: [{ message: { content: 'code' } }] } });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      request: 'app.1~1',
      parent: 'app.1',
      purpose: 'Classifier',
      operation: 'chat',
      route: 'shop/chat',
      rule: 'signals.classifier',
      provider: 'provider/shop/judge',
      outcome: 'Ok',
      source: 'Provider',
    });
    expect(recorded.map(({ outcome }) => outcome?.status)).toEqual([200]);
    expect(parent.asked).toHaveLength(1);
    expect(warnings).toEqual([]);
    expect(memory.used).toBe(0);
  });

  it('sends our key and nothing else that a caller could have said', async () => {
    const judge = await scripted();
    const { ask } = asking(judge.url);
    await ask();
    const names = judge.requests[0]?.rawHeaders.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase());
    expect(new Set(names)).toEqual(
      new Set(['host', 'accept-encoding', 'content-type', 'authorization', 'content-length', 'connection']),
    );
    expect(judge.requests[0]?.headers.authorization).toBe('Bearer sk-test');
  });

  it('counts requests on behalf of one caller, and tells those of nobody apart', async () => {
    const judge = await scripted();
    const { ask, rows } = asking(judge.url);
    const parent = caller();
    await Promise.all([ask({ parent }), ask({ parent })]);
    await ask();
    const [first, second, third] = rows.map(({ request }) => request).sort((a, b) => (a < b ? -1 : 1));
    expect([first, second]).toEqual(['app.1~1', 'app.1~2']);
    expect(third).toMatch(/^~0\./);
    expect(rows.filter(({ parent: of }) => of === undefined)).toHaveLength(1);
  });

  it('gives up at its deadline, without a mark against the provider', async () => {
    const judge = await scripted({ behaviour: { failure: { kind: 'HangBeforeHeaders' } } });
    const clock = new VirtualClock();
    // When a request came is read off the real clock.
    const toNow = (): void => void (clock.now = performance.now());
    toNow();
    const { ask, rows, memory } = asking(judge.url, { timeoutMs: 100, clock });
    const asking6 = Promise.all(Array.from({ length: 6 }, () => ask()));
    await until(() => judge.count === 6);
    toNow();
    clock.advance(100);
    const asked = await asking6;
    toNow();
    expect(new Set(asked.map((one) => !one.ok && one.why))).toEqual(new Set(['Timeout']));
    expect(rows).toHaveLength(6);
    for (const row of rows) expect(row).toMatchObject({ outcome: 'Failed', failure: 'Timeout' });
    judge.behaviour = {};
    expect(await ask()).toMatchObject({ ok: true });
    expect(memory.used).toBe(0);
  });

  it('ends with the caller it is made for', async () => {
    const judge = await scripted({ behaviour: { failure: { kind: 'HangBeforeHeaders' } } });
    const { ask, rows } = asking(judge.url, { timeoutMs: 20_000 });
    const parent = caller();
    const asking1 = ask({ parent });
    await until(() => judge.requests.length === 1);
    parent.res.destroy();
    expect(await asking1).toMatchObject({ ok: false, why: 'Cancelled' });
    expect(await judge.requests[0]?.closed).toBe(true);
    expect(rows).toMatchObject([{ outcome: 'Cancelled' }]);
    expect(await ask({ parent })).toMatchObject({ ok: false, why: 'Cancelled' });
    expect(judge.count).toBe(1);
  });

  it('does not wait for what is known to be down', async () => {
    const judge = await scripted({ behaviour: { failure: { kind: 'Status', status: 500 } } });
    const { ask } = asking(judge.url);
    // Two attempts each; the breaker opens at the fifth.
    for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject({ ok: false, why: 'Failed' });
    const { count } = judge;
    expect(await ask()).toMatchObject({ ok: false, why: 'Refused' });
    expect(judge.count).toBe(count);
  });

  it('does not ask what would cost more than it may', async () => {
    const judge = await scripted();
    const { ask } = asking(judge.url);
    const body = { model: 'small', messages: [{ role: 'user', content: 'word '.repeat(3000) }] };
    expect(await ask({ body })).toMatchObject({ ok: false, why: 'Refused' });
    expect(judge.count).toBe(0);
  });

  it('fails on an answer that is longer than any should be', async () => {
    const judge = await scripted({ behaviour: { text: 'x'.repeat(5_000_000) } });
    const { ask, memory } = asking(judge.url);
    expect(await ask()).toMatchObject({ ok: false, why: 'Failed' });
    expect(memory.used).toBe(0);
  });
});
