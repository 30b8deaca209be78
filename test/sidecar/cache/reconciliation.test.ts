/** Hundreds of questions that repeat: metrics, log, spans and rows tell of the same hits, the same cost and the same savings. */
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import type { LogRecord } from '../../../sidecar/telemetry/summary.ts';
import { call } from '../support/http.ts';
import { dice } from '../telemetry/mixed-traffic.ts';
import { OtlpReceiver } from '../telemetry/otlp-receiver.ts';
import { type Line, readPage, sum } from '../telemetry/page.ts';
import { logFile } from '../telemetry/support.ts';
import { type World, world } from './world.ts';

const REQUESTS = 400;
const AT_ONCE = 12;

const nano = (usd: string | undefined): bigint => {
  const [whole = '0', fraction = ''] = (usd ?? '0').split('.');
  return BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
};

describe('questions that repeat', () => {
  const file = logFile();
  let one: World;
  let receiver: OtlpReceiver;
  let page: Line[];
  let log: LogRecord[];
  let rows: Row[];

  beforeAll(async () => {
    receiver = new OtlpReceiver();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.listen(), OTEL_TRACES_SAMPLER: 'always_on' };
    const roll = dice(20_261_121);
    one = await world({
      cache: { scope: { type: 'Namespace', headers: [] } },
      sidecar: {
        telemetry: (gauges) =>
          createTelemetry({
            version: '1',
            gauges,
            env,
            accessLog: { destination: file.path },
            warn: () => {},
          }),
      },
    });
    one.provider.script = (_, index) => ({
      latencyMs: index % 5,
      outputTokens: 3 + (index % 7),
      ...(index % 9 === 4 && { failure: { kind: 'Status', status: 500 } }),
      ...(index % 13 === 6 && { failure: { kind: 'DieMidStream', afterEvents: 3 } }),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    let next = 0;
    const work = async (): Promise<void> => {
      while (next++ < REQUESTS) {
        const body = {
          model: 'm',
          temperature: roll(6) === 0 ? 1 : 0,
          stream: roll(2) === 0,
          messages: [{ role: 'user', content: `question ${roll(25)}` }],
        };
        const leaves = roll(20) === 0;
        const headers = {
          'content-type': 'application/json',
          ...(roll(10) === 0 && { 'cache-control': 'no-cache' }),
        };
        await call(`${one.sidecar.url}/v1/chat/completions`, {
          body: JSON.stringify(body),
          headers,
          agent,
          onRequest: (req) => {
            if (leaves) setTimeout(() => req.destroy(), roll(4));
          },
        }).catch(() => {});
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    agent.destroy();
    page = await vi.waitFor(
      async () => {
        const lines = readPage((await call(`${one.sidecar.adminUrl}/metrics`)).text);
        if (sum(lines, 'outrider_inflight_requests') > 0) throw new Error('not all are recorded yet');
        return lines;
      },
      { timeout: 10_000, interval: 10 },
    );
    await one.close();
    ({ rows } = one.sidecar);
    log = file.records();
  });
  afterAll(() => receiver.close());

  const inSpans = (key: string) => receiver.spans.flatMap(({ attributes }) => attributes[key] ?? []);

  it('are answered from the cache as often everywhere', () => {
    expect(log.length).toBeGreaterThan(REQUESTS * 0.9);
    for (const result of ['Hit', 'Shared', 'Miss', 'Bypass'] as const) {
      const logged = log.filter(({ cache }) => cache?.result === result).length;
      expect([result, logged]).not.toEqual([result, 0]);
      expect([result, sum(page, 'outrider_cache_requests_total', { result })]).toEqual([result, logged]);
      expect([result, inSpans('outrider.cache.result').filter((said) => said === result).length]).toEqual([
        result,
        logged,
      ]);
    }
    const served = log.filter(
      ({ cache, attempts, target }) => cache && attempts.length === 0 && target !== null,
    );
    expect(rows.filter(({ kind }) => kind === 'CacheHit')).toHaveLength(served.length);
    expect(new Set(served.map(({ outcome }) => outcome))).toContain('OK');
    expect(sum(page, 'outrider_requests_total')).toBe(log.length);
  });

  it('are sent as often everywhere', () => {
    const sent = rows.filter(({ kind }) => kind !== 'CacheHit');
    expect(sent).toHaveLength(one.provider.count);
    expect(sum(page, 'outrider_attempts_total')).toBe(sent.length);
    expect(log.reduce((all, { attempts }) => all + attempts.length, 0)).toBe(sent.length);
  });

  it('cost and saved the same everywhere, to the billionth of a dollar', () => {
    const cost = rows.reduce((all, { costNanoUsd = '0' }) => all + BigInt(costNanoUsd), 0n);
    const saved = rows.reduce((all, { savedNanoUsd = '0' }) => all + BigInt(savedNanoUsd), 0n);
    expect(saved).toBeGreaterThan(cost);
    expect(BigInt(Math.round(sum(page, 'outrider_cost_usd_total') * 1e9))).toBe(cost);
    expect(BigInt(Math.round(sum(page, 'outrider_cache_saved_usd_total') * 1e9))).toBe(saved);
    expect(log.reduce((all, { costUsd }) => all + nano(costUsd ?? undefined), 0n)).toBe(cost);
    expect(log.reduce((all, { cache }) => all + nano(cache?.savedUsd), 0n)).toBe(saved);
    const spanned = (key: string) => inSpans(key).reduce<bigint>((all, usd) => all + nano(usd as string), 0n);
    expect(spanned('outrider.cost_usd')).toBe(cost);
    expect(spanned('outrider.cache.saved_usd')).toBe(saved);
  });

  it('leave nothing behind', () => {
    expect(one.sidecar.memory.used).toBe(0);
    expect(one.sidecar.warnings).toEqual([]);
  });
});
