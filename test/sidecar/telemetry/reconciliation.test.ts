import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputTokens, outputTokens, type Settlement, type Usage } from '../../../sidecar/accounting/usage.ts';
import type { Attempt, Exchange } from '../../../sidecar/exchange.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import type { LogRecord } from '../../../sidecar/telemetry/summary.ts';
import { attempt, exchange, type World, world } from './exchanges.ts';
import { dice } from './mixed-traffic.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { type Line, readPage, sum } from './page.ts';
import { logFile, make } from './support.ts';
import { KINDS } from './token-kinds.ts';

const FAILURES = ['Connect', 'Timeout', 'RateLimited', 'ServerError', 'StreamError', 'Caller'] as const;
const OPERATIONS = ['chat', 'chat', 'chat', 'text_completion', 'embeddings', 'passthrough'] as const;

function settlement(roll: (below: number) => number): Settlement {
  const source =
    (['Provider', 'Provider', 'Provider', 'Estimated', 'None', 'Unknown'] as const)[roll(6)] ?? 'None';
  const nothing = source === 'None' || source === 'Unknown';
  const tokens = (below: number): number => (nothing ? 0 : roll(below));
  const usage: Usage = {
    input: tokens(100_000),
    cacheRead: tokens(2) * tokens(50_000),
    audioInput: tokens(4) === 1 ? tokens(900) : 0,
    output: tokens(4_000),
    reasoning: tokens(2) * tokens(9_000),
    audioOutput: tokens(4) === 1 ? tokens(900) : 0,
    ...(tokens(3) === 1 && { cacheWrite5m: tokens(40_000), cacheWrite1h: tokens(2) * tokens(7_000) }),
    ...(tokens(5) === 1 && { audioCacheRead: tokens(300), imageOutput: tokens(9) }),
  };
  if (source === 'None') return { usage, source, costNanoUsd: 0n };
  const priced = source !== 'Unknown' && roll(5) > 0;
  return { usage, source, ...(priced && { costNanoUsd: BigInt(roll(2 ** 31)) * 7n }) };
}

/** Any mixture of ends, attempts and settlements. */
function anyExchange(of: World, roll: (below: number) => number): Exchange {
  const candidates = Object.values(of.candidates);
  const attempts: Attempt[] = [];
  for (let i = roll(4); i > 0; i--) {
    const from = attempts.length * 100 + roll(50);
    const failed = i > 1 || roll(4) === 0;
    const candidate = candidates[roll(candidates.length)] as Candidate;
    attempts.push(
      attempt(candidate, from, from + roll(50), {
        kind: attempts.length === 0 ? 'First' : roll(2) === 0 ? 'Retry' : 'Failover',
        failure: failed ? FAILURES[roll(FAILURES.length)] : undefined,
        settlement: settlement(roll),
      }),
    );
  }
  const operation = OPERATIONS[roll(OPERATIONS.length)] ?? 'chat';
  const cancelled = roll(9) === 0;
  return exchange(of, {
    operation,
    attempts,
    committed: attempts.length > 0 && roll(3) > 0 ? 350 : undefined,
    warnings: roll(6) === 0 ? ['a warning'] : [],
    end: 400,
    outcome: {
      status: cancelled ? 499 : ([200, 200, 200, 429, 503][roll(5)] ?? 200),
      cancelled,
      streamed: roll(2) === 0,
      ...(attempts.length === 0 && { errorCode: 'no_target' }),
    },
  });
}

/** An amount in dollars as billionths. */
const nano = (usd: string): bigint => {
  const [whole = '0', fraction = ''] = usd.split('.');
  return BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
};

describe('metrics, log and traces of the same requests', () => {
  const REQUESTS = 400;
  const truth = {
    input: 0,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    audioInput: 0,
    audioCacheRead: 0,
    output: 0,
    reasoning: 0,
    audioOutput: 0,
    imageOutput: 0,
  };
  let receiver: OtlpReceiver;
  let cost = 0n;
  let unpriced = 0;
  let attempts = 0;
  let page: Line[];
  let log: LogRecord[];
  let told: string[];

  beforeAll(async () => {
    receiver = new OtlpReceiver();
    const of = world();
    const file = logFile();
    const { telemetry, warnings } = await make(of, {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.listen() },
      accessLog: { destination: file.path },
    });
    const roll = dice(20_261_120);
    for (let i = 0; i < REQUESTS; i++) {
      const one = anyExchange(of, roll);
      attempts += one.attempts.length;
      for (const { settlement: settled } of one.attempts) {
        if (!settled) throw new Error('unsettled');
        for (const kind of Object.keys(truth) as (keyof typeof truth)[])
          truth[kind] += settled.usage[kind] ?? 0;
        if (settled.costNanoUsd === undefined) unpriced++;
        cost += settled.costNanoUsd ?? 0n;
      }
      telemetry.record(one);
      if (i % 50 === 49) await telemetry.flush(5000);
    }
    await telemetry.flush(5000);
    page = readPage(await telemetry.metrics());
    log = file.records();
    told = warnings;
  });
  afterAll(() => receiver.close());

  const calls = () => receiver.spans.filter(({ attributes }) => 'outrider.usage.input_tokens' in attributes);

  it('agree on how many requests and attempts there were', () => {
    expect(told).toEqual([]);
    expect(sum(page, 'outrider_requests_total')).toBe(REQUESTS);
    expect(log).toHaveLength(REQUESTS);
    expect(receiver.spans.filter(({ kind }) => kind === 'SERVER')).toHaveLength(REQUESTS);
    expect(attempts).toBeGreaterThan(REQUESTS);
    expect(sum(page, 'outrider_attempts_total')).toBe(attempts);
    expect(log.reduce((all, one) => all + one.attempts.length, 0)).toBe(attempts);
    expect(receiver.spans.filter(({ name }) => name.startsWith('attempt '))).toHaveLength(attempts);
  });

  it('agree on every kind of token', () => {
    for (const [kind, label] of Object.entries(KINDS) as [keyof typeof truth, string][]) {
      expect(truth[kind]).toBeGreaterThan(0);
      expect(sum(page, 'outrider_tokens_total', { kind: label })).toBe(truth[kind]);
      expect(log.reduce((all, { tokens }) => all + (tokens[kind] ?? 0), 0)).toBe(truth[kind]);
    }
    const spanned = (key: string, spans = calls()) =>
      spans.reduce((all, { attributes }) => all + Number(attributes[key] ?? 0), 0);
    const { input: _input, output: _output, ...within } = KINDS;
    for (const [kind, label] of Object.entries(within) as [keyof typeof truth, string][]) {
      expect(spanned(`outrider.usage.${label}_tokens`)).toBe(truth[kind]);
    }
    expect(truth.imageOutput).toBeGreaterThan(0);
    expect(sum(page, 'outrider_images_total')).toBe(truth.imageOutput);
    expect(log.reduce((all, { tokens }) => all + (tokens.imageOutput ?? 0), 0)).toBe(truth.imageOutput);
    expect(spanned('outrider.usage.images')).toBe(truth.imageOutput);
    const input = inputTokens(truth);
    const output = outputTokens(truth);
    expect(spanned('outrider.usage.input_tokens')).toBe(input);
    expect(spanned('outrider.usage.output_tokens')).toBe(output);
    expect(spanned('outrider.attempt.input_tokens', receiver.spans)).toBe(input);
    expect(spanned('outrider.attempt.output_tokens', receiver.spans)).toBe(output);
  });

  it('agree on the cost to the billionth of a dollar, and on what has none', () => {
    expect(cost).toBeGreaterThan(10n ** 9n);
    expect(BigInt(Math.round(sum(page, 'outrider_cost_usd_total') * 1e9))).toBe(cost);
    expect(log.reduce((all, { costUsd }) => all + nano(costUsd ?? '0'), 0n)).toBe(cost);
    const spanned = (key: string) =>
      receiver.spans.reduce(
        (all, { attributes }) => all + nano((attributes[key] as string | undefined) ?? '0'),
        0n,
      );
    expect(spanned('outrider.cost_usd')).toBe(cost);
    expect(spanned('outrider.attempt.cost_usd')).toBe(cost);

    expect(unpriced).toBeGreaterThan(0);
    expect(sum(page, 'outrider_cost_unknown_total')).toBe(unpriced);
    expect(log.reduce((all, one) => all + one.unpriced, 0)).toBe(unpriced);
    expect(
      calls().reduce((all, { attributes }) => all + Number(attributes['outrider.unpriced_attempts'] ?? 0), 0),
    ).toBe(unpriced);
  });
});
