/** A thousand requests through a whole sidecar: metrics, log, spans and ledger tell of the same tokens and the same money. */
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { Row, Sequenced, TotalRow } from '../../../sidecar/accounting/rows.ts';
import { inputTokens, outputTokens, type Usage } from '../../../sidecar/accounting/usage.ts';
import { requirementsOf } from '../../../sidecar/snapshot/additions.ts';
import type { FullPrices, TieredPrices } from '../../../sidecar/snapshot/schema.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import type { LogRecord } from '../../../sidecar/telemetry/summary.ts';
import type { Telemetry } from '../../../sidecar/telemetry/telemetry.ts';
import { itemsFor, VENDORS } from '../matrix/vendors.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';
import { dice, FATES, type Planned, plan } from './mixed-traffic.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { type Line, readPage, sum } from './page.ts';
import { logFile } from './support.ts';
import { KINDS } from './token-kinds.ts';

const REQUESTS = 1000;
const AT_ONCE = 20;
/** Primes, so that a kind billed as another shows in the sum. */
const PRIORITY: TieredPrices = {
  input: 1_700_021,
  cacheRead: 170_003,
  output: 8_500_027,
  request: 13_000_027,
};
const PRICES: FullPrices & { services: object } = {
  input: 1_000_003,
  cacheRead: 100_003,
  cacheWrite5m: 1_250_009,
  cacheWrite1h: 2_000_003,
  audioInput: 3_000_017,
  audioCacheRead: 300_007,
  output: 5_000_011,
  reasoning: 5_500_003,
  audioOutput: 7_000_003,
  request: 11_000_027,
  services: { Priority: PRIORITY },
};
type Kind = keyof typeof KINDS;

/** An amount in dollars as billionths. */
const nano = (usd: string | null): bigint => {
  const [whole = '0', fraction = ''] = (usd ?? '0').split('.');
  return BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
};

/** What kinds without a price are billed as. */
const PART_OF: Partial<Record<Kind, 'input' | 'cacheRead' | 'output'>> = {
  cacheWrite5m: 'input',
  cacheWrite1h: 'input',
  audioInput: 'input',
  audioCacheRead: 'cacheRead',
  reasoning: 'output',
  audioOutput: 'output',
};

/** Pico-dollars, worked out a second time. */
function picoOf(usage: Usage, prices: TieredPrices): bigint {
  let pico = BigInt(prices.request ?? 0) * BigInt(usage.requests ?? 1);
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const price = prices[kind] ?? prices[PART_OF[kind] ?? 'input'] ?? 0;
    pico += BigInt(usage[kind] ?? 0) * BigInt(price);
  }
  return pico;
}

/** What an attempt costs, as the ledger writes it. */
function priceOf({ target: name, source, usage, serviceTier }: Row): string | undefined {
  if (source === 'None') return '0';
  if (name === UNPRICED) return undefined;
  const nanoOf = (pico: bigint, over = 1n) => String((pico + 500n * over) / (1000n * over));
  switch (serviceTier) {
    case undefined:
      return nanoOf(picoOf(usage, PRICES));
    case 'Priority':
      return nanoOf(picoOf(usage, PRIORITY));
    case 'Flex':
      // Who publishes what Flex costs: OpenAI; Google, but not what becomes of the cache.
      return name === 'openai-responses' ||
        (name === 'gemini' && usage.cacheRead + (usage.audioCacheRead ?? 0) === 0)
        ? nanoOf(picoOf(usage, PRICES), 2n)
        : undefined;
    default:
      return undefined;
  }
}

describe('a thousand mixed requests', () => {
  const file = logFile();
  const spool = new RowSpool();
  /** As small as it gets: nearly everything is folded. */
  const folding = new RowSpool(8 * 512);
  const planned: Planned[] = [];
  const warnings: string[] = [];
  let rows: Sequenced<Row | TotalRow>[];
  let totals: Sequenced<Row | TotalRow>[];
  let attemptRows: Row[];
  let provider: ScriptedProvider;
  let receiver: OtlpReceiver;
  let sidecar: TestSidecar;
  let page: Line[];
  let log: LogRecord[];

  beforeAll(async () => {
    provider = await startScriptedProvider({ record: false });
    receiver = new OtlpReceiver();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.listen(), OTEL_TRACES_SAMPLER: 'always_on' };
    let telemetry: Telemetry | undefined;
    const roll = dice(20_261_120);
    const draw = dice(7);
    sidecar = await startTestSidecar(items(provider), {
      rows: {
        append(row) {
          spool.append(row);
          folding.append(row);
        },
      },
      telemetry: async (gauges) =>
        (telemetry = await createTelemetry({
          version: '1',
          gauges,
          env,
          accessLog: { destination: file.path },
          warn: (message) => warnings.push(message),
        })),
      random: () => draw(2 ** 31) / 2 ** 31,
    });
    for (let i = 0; i < REQUESTS; i++) planned.push(plan(i, roll));
    const tries = new Map<number, number>();
    /** What apps do once their request has come to a vendor. */
    const arrivals = new Map<number, () => void>();
    provider.script = ({ body }) => {
      const index = Number(/This is q(\d+)\./.exec(body.toString())?.[1]);
      const at = tries.get(index) ?? 0;
      tries.set(index, at + 1);
      arrivals.get(index)?.();
      const { behaviours } = planned[index] as Planned;
      return behaviours[Math.min(at, behaviours.length - 1)];
    };
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    let next = 0;
    const work = async (): Promise<void> => {
      for (let one = planned[next++]; one !== undefined; one = planned[next++]) {
        const index = next - 1;
        await send(sidecar.url, one, agent, (then) => arrivals.set(index, then));
        if (next % 100 === 0) await telemetry?.flush(5000);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    agent.destroy();
    page = await vi.waitFor(
      async () => {
        const lines = readPage((await call(`${sidecar.adminUrl}/metrics`)).text);
        if (sum(lines, 'outrider_requests_total') < REQUESTS) throw new Error('not all are recorded yet');
        return lines;
      },
      { timeout: 10_000, interval: 10 },
    );
    await sidecar.close();
    log = file.records();
    rows = handOver(spool);
    totals = handOver(folding);
    attemptRows = rows.filter((row): row is Sequenced<Row> => row.type === 'Attempt');
  });
  afterAll(async () => {
    await receiver.close();
    await provider.close();
  });

  const ledger = (kind: Kind, from = rows) => from.reduce((all, { usage }) => all + (usage[kind] ?? 0), 0);
  const calls = () => receiver.spans.filter(({ attributes }) => 'outrider.usage.input_tokens' in attributes);
  const spanned = (key: string, spans = receiver.spans) =>
    spans.reduce((all, { attributes }) => all + Number(attributes[key] ?? 0), 0);

  it('are as mixed as they should be', () => {
    expect(warnings).toEqual([]);
    expect(sum(page, 'outrider_spans_dropped_total')).toBe(0);
    expect(log).toHaveLength(REQUESTS);
    expect([...new Set(planned.map(({ fate }) => fate))].toSorted()).toEqual([...FATES].toSorted());
    expect(new Set(log.map(({ outcome }) => outcome))).toEqual(
      new Set(['OK', 'CallerError', 'Refused', 'Failed', 'Broken', 'Cancelled']),
    );
    const kinds = new Set(log.flatMap(({ attempts }) => attempts.map(({ kind }) => kind)));
    for (const kind of ['First', 'Retry', 'Failover', 'Hedge'] as const) expect(kinds).toContain(kind);
    expect(new Set(rows.map(({ source }) => source))).toEqual(new Set(['Provider', 'Estimated', 'None']));
    for (const kind of Object.keys(KINDS) as Kind[]) expect([kind, ledger(kind)]).not.toEqual([kind, 0]);
    for (const { dialect } of VENDORS) {
      expect(attemptRows.filter(({ target: name }) => name === dialect).length).toBeGreaterThan(10);
    }
  });

  it('have the same attempts everywhere', () => {
    const attempts = sum(page, 'outrider_attempts_total');
    expect(attempts).toBeGreaterThan(REQUESTS);
    expect(log.reduce((all, one) => all + one.attempts.length, 0)).toBe(attempts);
    expect(receiver.spans.filter(({ name }) => name.startsWith('attempt '))).toHaveLength(attempts);
    expect(attemptRows).toHaveLength(attempts);
    expect(new Set(attemptRows.map(({ request, attempt }) => `${request} ${attempt}`)).size).toBe(attempts);
    expect(totals.reduce((all, row) => all + (row.type === 'Total' ? row.rows : 1), 0)).toBe(attempts);
    for (const record of log) {
      const own = attemptRows.filter(({ request }) => request === record.id);
      expect(own.map(({ outcome, failure }) => failure ?? (outcome === 'Ok' ? 'OK' : outcome))).toEqual(
        record.attempts.map(({ result }) => result),
      );
    }
  });

  it('were hedged the same everywhere, and each was answered once', () => {
    const kinds = (from: { kind?: unknown }[]) => from.filter(({ kind }) => kind === 'Hedge').length;
    const hedges = kinds(attemptRows);
    expect(hedges).toBeGreaterThan(10);
    expect(sum(page, 'outrider_attempts_total', { kind: 'Hedge' })).toBe(hedges);
    expect(kinds(log.flatMap(({ attempts }) => attempts))).toBe(hedges);
    const spans = receiver.spans.filter(({ attributes }) => attributes['outrider.attempt.kind'] === 'Hedge');
    expect(spans).toHaveLength(hedges);
    const ended = ['Won', 'Lost', 'Failed', 'Cancelled'].map((outcome) =>
      sum(page, 'outrider_hedges_total', { outcome }),
    );
    expect(ended.reduce((all, count) => all + count, 0)).toBe(hedges);
    expect(ended[0], 'some won').toBeGreaterThan(0);
    for (const record of log) {
      const hedge = record.attempts.find(({ kind }) => kind === 'Hedge');
      if (hedge === undefined || record.outcome !== 'OK') continue;
      const results = record.attempts.map(({ result }) => result);
      expect(results.filter((result) => result === 'OK')).toHaveLength(1);
      const winner = record.attempts.find(({ result }) => result === 'OK');
      expect([record.target, record.provider]).toEqual([winner?.target, winner?.provider]);
    }
    const lost = attemptRows.filter(({ outcome, request }) => {
      const own = attemptRows.filter((row) => row.request === request);
      return outcome === 'Cancelled' && own.some(({ kind }) => kind === 'Hedge');
    });
    expect(lost.length, 'losers are accounted').toBeGreaterThan(0);
    expect(lost.filter(({ source }) => source === 'Estimated').length).toBeGreaterThan(0);
  });

  it('were served in the same tiers everywhere', () => {
    for (const tier of ['Priority', 'Flex', 'Other'] as const) {
      const expected = attemptRows.filter(({ serviceTier }) => serviceTier === tier).length;
      expect([tier, expected]).not.toEqual([tier, 0]);
      const logged = log
        .flatMap(({ attempts }) => attempts)
        .filter(({ serviceTier }) => serviceTier === tier);
      expect([tier, logged.length]).toEqual([tier, expected]);
      const spans = receiver.spans.filter(({ attributes }) => attributes['outrider.service_tier'] === tier);
      expect([tier, spans.length]).toEqual([tier, expected]);
    }
  });

  it('used the same tokens everywhere, kind by kind', () => {
    for (const [kind, label] of Object.entries(KINDS) as [Kind, string][]) {
      const expected = ledger(kind);
      expect([kind, sum(page, 'outrider_tokens_total', { kind: label })]).toEqual([kind, expected]);
      expect([kind, log.reduce((all, { tokens }) => all + (tokens[kind] ?? 0), 0)]).toEqual([kind, expected]);
      expect([kind, ledger(kind, totals)]).toEqual([kind, expected]);
    }
    const { input: _input, output: _output, ...within } = KINDS;
    for (const [kind, label] of Object.entries(within) as [Kind, string][]) {
      expect([kind, spanned(`outrider.usage.${label}_tokens`)]).toEqual([kind, ledger(kind)]);
    }
    const input = rows.reduce((all, { usage }) => all + inputTokens(usage), 0);
    const output = rows.reduce((all, { usage }) => all + outputTokens(usage), 0);
    expect(spanned('outrider.usage.input_tokens', calls())).toBe(input);
    expect(spanned('outrider.attempt.input_tokens')).toBe(input);
    expect(spanned('outrider.usage.output_tokens', calls())).toBe(output);
    expect(spanned('outrider.attempt.output_tokens')).toBe(output);
  });

  it('told the conventions what providers said, and no estimates', () => {
    const said = rows.filter(({ source }) => source === 'Provider').map(({ usage }) => usage);
    const expected: Record<string, (usage: Usage) => number> = {
      input: inputTokens,
      output: outputTokens,
      cache_read_input: ({ cacheRead, audioCacheRead = 0 }) => cacheRead + audioCacheRead,
      cache_write_input: ({ cacheWrite5m = 0, cacheWrite1h = 0 }) => cacheWrite5m + cacheWrite1h,
      reasoning_output: ({ reasoning }) => reasoning,
    };
    for (const [name, of] of Object.entries(expected)) {
      const due = said.reduce((all, usage) => all + of(usage), 0);
      expect([name, sum(page, `gen_ai_client_inference_usage_${name}_tokens_total`)]).toEqual([name, due]);
    }
  });

  it('cost the same everywhere, to the billionth of a dollar', () => {
    const cost = rows.reduce((all, { costNanoUsd = '0' }) => all + BigInt(costNanoUsd), 0n);
    expect(cost).toBeGreaterThan(10n ** 6n);
    expect(BigInt(Math.round(sum(page, 'outrider_cost_usd_total') * 1e9))).toBe(cost);
    expect(log.reduce((all, { costUsd }) => all + nano(costUsd), 0n)).toBe(cost);
    const inSpans = (key: string) =>
      receiver.spans.reduce(
        (all, { attributes }) => all + nano((attributes[key] as string | undefined) ?? '0'),
        0n,
      );
    expect(inSpans('outrider.cost_usd')).toBe(cost);
    expect(inSpans('outrider.attempt.cost_usd')).toBe(cost);
    expect(totals.reduce((all, { costNanoUsd = '0' }) => all + BigInt(costNanoUsd), 0n)).toBe(cost);
    expect(attemptRows.filter((row) => row.costNanoUsd !== priceOf(row))).toEqual([]);

    const unpriced = attemptRows.filter(({ costNanoUsd }) => costNanoUsd === undefined).length;
    expect(unpriced).toBeGreaterThan(0);
    expect(sum(page, 'outrider_cost_unknown_total')).toBe(unpriced);
    expect(log.reduce((all, one) => all + one.unpriced, 0)).toBe(unpriced);
    expect(spanned('outrider.unpriced_attempts')).toBe(unpriced);
    expect(
      totals.reduce(
        (all, row) => all + (row.type === 'Total' ? row.unpriced : Number(row.costNanoUsd === undefined)),
        0,
      ),
    ).toBe(unpriced);
  });
});

/** Everything, as the operator would take it: rows first, then what they were folded into. */
function handOver(spool: RowSpool): Sequenced<Row | TotalRow>[] {
  const all: Sequenced<Row | TotalRow>[] = [];
  for (let batch = spool.pending(500); batch.length > 0; batch = spool.pending(500)) {
    all.push(...batch);
    spool.acknowledge(batch.at(-1)?.seq ?? 0);
  }
  return all;
}

/** The vendor whose prices nobody knows. */
const UNPRICED = 'cohere-chat';

/** A route for each vendor, with another one behind it, and no breaker that opens on the way. */
function items(provider: ScriptedProvider): Parameters<TestSidecar['publish']>[0] {
  const origin = new URL(provider.url).origin;
  const providers = VENDORS.map((vendor) => {
    const [{ body }] = itemsFor(vendor, provider);
    const [model] = body?.models ?? [];
    if (!model) throw new Error('no model');
    return providerItem(vendor.dialect, origin + vendor.path, {
      type: vendor.type,
      models: [{ ...model, ...(vendor.dialect !== UNPRICED && { fullPrices: PRICES }) }],
      passive: { consecutiveErrors: 1000, ejectionMs: 1000, maxEjectionMs: 1000 },
      ...(vendor.parameters && { parameters: vendor.parameters }),
    });
  });
  const routes = VENDORS.flatMap((vendor, i) => {
    const behind = VENDORS[(i + 1) % VENDORS.length] ?? vendor;
    const targets = [vendor, behind].map(({ dialect, model }, priority) =>
      target(dialect, { model, priority }),
    );
    const main = rule(targets);
    const hedge = { afterMs: 60, maxExtraCostPercent: 100, crossModel: true } as const;
    const hedged = routeItem(`hedged-${vendor.dialect}`, [`hedged-${vendor.dialect}`], [{ ...main, hedge }]);
    return [
      routeItem(
        `at-${vendor.dialect}`,
        [`at-${vendor.dialect}`],
        [{ ...main, failover: { ...main.failover, maxAttempts: 3 } }],
      ),
      { ...hedged, ...requirementsOf(hedged) },
    ];
  });
  return [...providers, ...routes];
}

/** Sends one, and leaves where it is the caller who leaves. */
async function send(
  url: string,
  { caller, body, fate }: Planned,
  agent: Agent,
  onArrival: (then: () => void) => void,
): Promise<void> {
  const answer = call(url + caller.path, {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...caller.headers },
    agent,
    onRequest(req) {
      // An app that left before its request was even read would have asked nothing.
      if (fate === 'LeftWaiting') onArrival(() => req.destroy());
      if (fate === 'LeftReading')
        req.once('response', (res) => res.once('data', () => setTimeout(() => req.destroy(), 20)));
    },
  });
  if (fate === 'LeftWaiting' || fate === 'LeftReading' || fate === 'Broken') await answer.catch(() => {});
  else await answer;
}
