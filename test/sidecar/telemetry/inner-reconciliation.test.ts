/**
 * Requests around which the sidecar asks for itself: hits, copies, a classifier, vectors, summaries, hedges, lines of a batch and
 * deferred requests, all in one sidecar. Metrics, log, spans and rows tell of the same attempts, by what they were for, and of the same money.
 */
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import type { RuleBody, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import type { LogRecord } from '../../../sidecar/telemetry/summary.ts';
import { BATCH, chatLine, clientOf, ended, submit, temporary } from '../batch/support.ts';
import { CACHE } from '../cache/world.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';
import { dice } from './mixed-traffic.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { type Line, readPage, sum } from './page.ts';
import { logFile } from './support.ts';

const REQUESTS = 240;
const AT_ONCE = 8;
const PRICES = { input: 1_000_003, output: 5_000_011 };
const BUDGET = 'route/shop/chat/all';
/** What the sidecar asks for itself here. */
const PURPOSES = ['Async', 'Batch', 'Cache', 'Classifier', 'Mirror', 'Summary'] as const;

const nano = (usd: string | null | undefined): bigint => {
  const [whole = '0', fraction = ''] = (usd ?? '0').split('.');
  return BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
};

function items({ url }: ScriptedProvider): Snapshot['items'] {
  const names = ['main', 'spare', 'shadow', 'cheap', 'judge', 'vec'];
  const models = ['m', 'vectors'].map((name) => ({ name, upstreamName: name, prices: PRICES }));
  const body: Partial<RuleBody> = {
    cache: {
      ...CACHE,
      semantic: {
        embeddings: { target: target('vec', { model: 'vectors' }), timeoutMs: 10_000, maxInputTokens: 256 },
        minSimilarityPercent: 99,
        maxEntries: 100,
      },
    },
    context: {
      summarize: {
        target: target('cheap', { model: 'm' }),
        timeoutMs: 10_000,
        maxInputTokens: 4000,
        cacheMs: 60_000,
        afterTokens: 256,
        keepLast: 1,
        maxOutputTokens: 100,
      },
    },
    experiment: {
      name: 'trial',
      stickyBy: { type: 'Header', header: 'x-user' },
      arms: [],
      onArmExhausted: 'Stay',
      mirror: [{ target: 'shadow', percent: 30, maxCostPerHour: '1000000000' }],
    },
    hedge: { afterMs: 10, maxExtraCostPercent: 100, crossModel: true },
    batch: BATCH,
    async: { expiresAfterMs: 3_600_000 },
  };
  const targets = [
    target('main', { model: 'm' }),
    target('spare', { model: 'm', priority: 1 }),
    target('shadow', { model: 'm', weight: 0 }),
  ];
  const route = routeItem(
    'chat',
    ['assistant'],
    [
      rule(targets, { ...body, name: 'first', matches: [{ prompt: { labels: ['hard'] } }] }),
      rule(targets, { ...body, name: 'rest' }),
    ],
  );
  const judge = {
    target: target('judge', { model: 'm' }),
    timeoutMs: 10_000,
    maxInputTokens: 200,
    maxOutputTokens: 64,
    cacheMs: 60_000,
    labels: [
      { name: 'hard', description: 'asks for a proof' },
      { name: 'easy', description: 'small talk' },
    ],
  };
  if (route.body) {
    route.body.signals = { classifier: judge };
    route.body.budgets = [
      {
        id: BUDGET,
        amount: '1000000000000',
        period: { unit: 'Month', timeZone: 'UTC' },
        key: [],
        maxKeys: 10,
        enforcement: 'Bounded',
        onExhausted: 'Reject',
        allowUpTo: '0',
        leaseWaitMs: 0,
      },
    ];
  }
  return [
    ...names.map((name) => providerItem(name, url, { models })),
    { ...route, requires: ['experiment'] },
  ];
}

/** Resolves when it is answered. */
async function deferred(url: string, content: string): Promise<void> {
  const asked = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify({ model: 'assistant', temperature: 0, messages: [{ role: 'user', content }] }),
  });
  const { id } = (await asked.json()) as { id: string };
  await vi.waitFor(
    async () => {
      const { status } = (await (await fetch(`${url}/v1/async/${id}`)).json()) as { status: string };
      if (status !== 'completed') throw new Error(`it is ${status}`);
    },
    { timeout: 10_000, interval: 5 },
  );
}

describe('what a sidecar asks for itself', () => {
  const file = logFile();
  const rows: Row[] = [];
  const warnings: string[] = [];
  let provider: ScriptedProvider;
  let receiver: OtlpReceiver;
  let spool: Awaited<ReturnType<typeof temporary>>;
  let sidecar: TestSidecar;
  let page: Line[];
  let log: LogRecord[];
  let standing: { budget: string; spentUsd: string; reservedUsd: string }[];

  beforeAll(async () => {
    spool = await temporary();
    provider = await startScriptedProvider({ record: false, keys: ['sk-test'] });
    receiver = new OtlpReceiver();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.listen(), OTEL_TRACES_SAMPLER: 'always_on' };
    const [roll, draw] = [dice(20_261_122), dice(11)];
    sidecar = await startTestSidecar(items(provider), {
      rows: { append: (row) => rows.push(row) },
      telemetry: (gauges) =>
        createTelemetry({
          version: '1',
          gauges,
          env,
          accessLog: { destination: file.path },
          warn: (message) => warnings.push(message),
        }),
      random: () => draw(2 ** 31) / 2 ** 31,
      spool: { directory: spool.path },
      pod: { namespace: 'shop', workload: 'web' },
    });
    // Loaded when the first configuration has some.
    await import('../../../sidecar/experiments/mirrors.ts');
    await new Promise((resolve) => setImmediate(resolve));
    provider.script = (_, index) => ({
      latencyMs: index % 7 === 3 ? 40 : index % 4,
      outputTokens: 3 + (index % 7),
      ...(index % 23 === 4 && { failure: { kind: 'Status', status: 500 } }),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    let next = 0;
    const work = async (): Promise<void> => {
      while (next++ < REQUESTS) {
        const asked = `question ${roll(30)}`;
        const turns = roll(3) === 0 ? 4 : 0;
        const before = Array.from({ length: turns }, (_, i) => [
          { role: 'user', content: `before ${i} of ${roll(3)} ${'word '.repeat(150)}` },
          { role: 'assistant', content: `answer ${i}` },
        ]).flat();
        const body = {
          model: 'assistant',
          temperature: roll(5) === 0 ? 1 : 0,
          stream: roll(2) === 0,
          messages: [...before, { role: 'user', content: asked }],
        };
        await call(`${sidecar.url}/v1/chat/completions`, {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', 'x-user': `u${roll(9)}` },
          agent,
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    agent.destroy();
    const client = clientOf(sidecar.url);
    const { id } = await submit(
      client,
      Array.from({ length: 6 }, (_, i) => chatLine(`l${i}`, `line ${i}`)),
    );
    await ended(client, id);
    await Promise.all(Array.from({ length: 4 }, (_, i) => deferred(sidecar.url, `later ${i}`)));
    // Copies outlast their callers.
    await vi.waitFor(
      () => {
        if (sidecar.memory.used > 0) throw new Error('copies are under way');
      },
      { timeout: 10_000, interval: 10 },
    );
    page = await vi.waitFor(
      async () => {
        const lines = readPage((await call(`${sidecar.adminUrl}/metrics`)).text);
        if (sum(lines, 'outrider_inflight_requests') > 0) throw new Error('not all are recorded yet');
        return lines;
      },
      { timeout: 10_000, interval: 10 },
    );
    standing = (
      (await call(`${sidecar.adminUrl}/snapshot`)).json() as unknown as { budgets: typeof standing }
    ).budgets;
    await sidecar.close();
    log = file.records();
  }, 60_000);
  afterAll(async () => {
    await receiver.close();
    await provider.close();
    await spool.remove();
  });

  const sent = (): Row[] => rows.filter(({ kind }) => kind !== 'CacheHit');
  const inSpans = (key: string): unknown[] =>
    receiver.spans.flatMap(({ attributes }) => attributes[key] ?? []);

  it('is of every kind, and each attempt is a row, a span and a place in the log', () => {
    expect(warnings).toEqual([]);
    expect(new Set(rows.flatMap(({ purpose }) => purpose ?? []))).toEqual(new Set(PURPOSES));
    for (const kind of ['First', 'Failover', 'Hedge', 'Mirror', 'CacheHit'] as const) {
      expect([kind, rows.filter((row) => row.kind === kind).length]).not.toEqual([kind, 0]);
    }
    // A call that lost against a hedge may be given up before it is on the wire.
    const unseen = sent().length - provider.count;
    expect(unseen).toBeGreaterThanOrEqual(0);
    expect(unseen).toBeLessThanOrEqual(sent().filter(({ outcome }) => outcome === 'Cancelled').length);
    expect(sum(page, 'outrider_attempts_total')).toBe(sent().length);
    expect(log.reduce((all, { attempts }) => all + attempts.length, 0)).toBe(sent().length);
    expect(receiver.spans.filter(({ name }) => name.startsWith('attempt '))).toHaveLength(sent().length);
  });

  it('is told apart by the same kinds and rules everywhere', () => {
    const count = (values: readonly unknown[]): Record<string, number> => {
      const found: Record<string, number> = {};
      for (const value of values) found[String(value)] = (found[String(value)] ?? 0) + 1;
      return found;
    };
    const kinds = count(sent().map(({ kind }) => kind));
    expect(count(log.flatMap(({ attempts }) => attempts.map(({ kind }) => kind)))).toEqual(kinds);
    expect(count(inSpans('outrider.attempt.kind'))).toEqual(kinds);
    for (const [kind, times] of Object.entries(kinds)) {
      expect([kind, sum(page, 'outrider_attempts_total', { kind })]).toEqual([kind, times]);
    }
    const rules = count(sent().map((row) => row.rule));
    const logged = log.flatMap((line) => line.attempts.map(() => line.rule));
    expect(count(logged)).toEqual(rules);
  });

  it('hits are the same everywhere, and cost nothing', () => {
    const hits = rows.filter(({ kind }) => kind === 'CacheHit');
    expect(hits.every(({ costNanoUsd }) => costNanoUsd === '0')).toBe(true);
    const served = log.filter(
      ({ cache, attempts, target: of }) => cache && attempts.length === 0 && of !== null,
    );
    expect(hits).toHaveLength(served.length);
    for (const result of ['Hit', 'Miss', 'Bypass'] as const) {
      const logged = log.filter(({ cache }) => cache?.result === result).length;
      expect([result, logged]).not.toEqual([result, 0]);
      expect([result, sum(page, 'outrider_cache_requests_total', { result })]).toEqual([result, logged]);
      expect([result, inSpans('outrider.cache.result').filter((one) => one === result).length]).toEqual([
        result,
        logged,
      ]);
    }
  });

  it('costs the same everywhere, budget included, to the billionth of a dollar', () => {
    const cost = rows.reduce((all, { costNanoUsd = '0' }) => all + BigInt(costNanoUsd), 0n);
    expect(cost).toBeGreaterThan(0n);
    expect(BigInt(Math.round(sum(page, 'outrider_cost_usd_total') * 1e9))).toBe(cost);
    expect(log.reduce((all, { costUsd }) => all + nano(costUsd), 0n)).toBe(cost);
    expect(inSpans('outrider.cost_usd').reduce<bigint>((all, usd) => all + nano(usd as string), 0n)).toBe(
      cost,
    );
    const charged = rows.filter(({ charges }) => charges?.some(({ budget }) => budget === BUDGET));
    expect(charged.reduce((all, { costNanoUsd = '0' }) => all + BigInt(costNanoUsd), 0n)).toBe(cost);
    expect(standing).toMatchObject([{ budget: BUDGET, reservedUsd: '0' }]);
    expect(nano(standing[0]?.spentUsd)).toBe(cost);
  });

  it('saved the same everywhere', () => {
    const saved = rows
      .filter(({ kind }) => kind === 'CacheHit')
      .reduce((all, { savedNanoUsd = '0' }) => all + BigInt(savedNanoUsd), 0n);
    expect(saved).toBeGreaterThan(0n);
    expect(BigInt(Math.round(sum(page, 'outrider_cache_saved_usd_total') * 1e9))).toBe(saved);
    expect(log.reduce((all, { cache }) => all + nano(cache?.savedUsd), 0n)).toBe(saved);
  });
});
