import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { World } from './exchanges.ts';
import { attempt, type ExchangeParts, exchange, NOTHING, settled, world } from './exchanges.ts';
import { readPage, sum } from './page.ts';
import { logFile, make } from './support.ts';

const GOLDEN = new URL('golden/access-log.ndjson', import.meta.url);
const TRACE = '0af7651916cd43dd8448eb211c80319c';

/** One of each kind of end. */
function cases(of: World): ExchangeParts[] {
  const { first, second, open } = of.candidates;
  if (!first || !second || !open) throw new Error('no candidates');
  return [
    { id: 'plain', headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-00` } },
    {
      id: 'stream',
      committed: 120.4567,
      outcome: { streamed: true, responseBytes: 81_920 },
      facts: { stream: true },
      warnings: ['dropped a field'],
      attempts: [
        attempt(first, 0.25, 299.99951, {
          settlement: settled(
            { input: 60, cacheRead: 40, audioInput: 5, output: 20, reasoning: 7, audioOutput: 3 },
            12_345_678_901n,
          ),
        }),
      ],
    },
    {
      id: 'failed-over',
      attempts: [
        attempt(first, 0.25, 80, {
          failure: 'RateLimited',
          scope: 'CredentialModel',
          httpStatus: 429,
          errorCode: 'rate_limit_exceeded',
          settlement: NOTHING,
        }),
        attempt(second, 105, 300, {
          kind: 'Failover',
          settlement: settled({ input: 900, output: 80 }, 7n, 'Estimated'),
        }),
      ],
    },
    {
      id: 'no-price',
      asked: 'whatever "they" asked',
      attempts: [attempt(open, 0.25, 300, { settlement: settled({ input: 9, output: 8 }) })],
    },
    {
      id: 'refused',
      attempts: [],
      route: undefined,
      pattern: undefined,
      plan: undefined,
      asked: 'claude',
      committed: undefined,
      end: 0.125,
      outcome: { status: 404, errorCode: 'no_route', responseBytes: 180 },
    },
    {
      id: 'cancelled',
      committed: undefined,
      outcome: { status: 499, cancelled: true, responseBytes: 0 },
      attempts: [
        attempt(first, 0.25, 300, {
          cancelled: true,
          httpStatus: undefined,
          settlement: settled({ input: 90 }, 22n, 'Estimated'),
        }),
      ],
    },
    {
      id: 'broken',
      outcome: { broken: true, streamed: true, errorCode: 'upstream_stream_broken' },
      attempts: [
        attempt(first, 0.25, 300, {
          failure: 'StreamError',
          scope: 'Model',
          settlement: settled({ input: 90, output: 4 }, 30n, 'Estimated'),
        }),
      ],
    },
  ];
}

describe('the access log', () => {
  it('is as documented (UPDATE_GOLDEN=1 rewrites the lines)', async () => {
    const of = world();
    const file = logFile();
    const { telemetry } = await make(of, { accessLog: { destination: file.path } });
    for (const parts of cases(of)) telemetry.record(exchange(of, parts));
    await telemetry.flush(2000);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(GOLDEN, file.text());
    expect(file.text()).toBe(readFileSync(GOLDEN, 'utf8'));
    const fields = file.records().map((record) => Object.keys(record).join());
    expect(new Set(fields).size).toBe(1);
  });

  it('holds no prompt, no key, no query and no text of a vendor, and cuts what callers wrote', async () => {
    const of = world();
    const { first } = of.candidates;
    if (!first) throw new Error('no candidate');
    const file = logFile();
    const { telemetry } = await make(of, { accessLog: { destination: file.path } });
    const long = 'm'.repeat(100_000);
    telemetry.record({
      ...exchange(of, {
        headers: { authorization: 'Bearer sk-secret', 'x-api-key': 'sk-secret' },
        asked: long,
        path: `/v1/${long}`,
        attempts: [
          attempt(first, 0, 1, {
            failure: 'Caller',
            errorCode: 'You said "the prompt itself"',
            rawUsage: { note: 'the prompt itself' },
          }),
        ],
      }),
      query: 'key=sk-secret',
    });
    await telemetry.flush(2000);
    expect(file.text()).not.toMatch(/sk-secret|the prompt itself/);
    expect(file.text().length).toBeLessThan(2000);
    expect(file.records()[0]?.attempts[0]?.code).toBe('_OTHER');
  });

  it('writes in the background, without being told', async () => {
    const of = world();
    const file = logFile();
    const { telemetry } = await make(of, { accessLog: { destination: file.path, flushAfterMs: 5 } });
    telemetry.record(exchange(of, { id: 'alone' }));
    await vi.waitFor(() => expect(file.text()).toContain('"id":"alone"'), { timeout: 5000, interval: 5 });
  });

  it('has every line out after a flush, those behind a write under way as well', async () => {
    const of = world();
    const file = logFile();
    const { telemetry } = await make(of, { accessLog: { destination: file.path } });
    telemetry.record(exchange(of));
    await telemetry.flush(2000);
    for (let i = 0; i < 500; i++) telemetry.record(exchange(of));
    await telemetry.flush(2000);
    expect(file.records()).toHaveLength(501);
  });

  it('drops and counts lines rather than hold more than its limit', async () => {
    const of = world();
    const file = logFile();
    const { telemetry } = await make(of, { accessLog: { destination: file.path, limit: 20_000 } });
    for (let i = 0; i < 200; i++) telemetry.record(exchange(of));
    await telemetry.flush(2000);
    const written = file.records().length;
    expect(written).toBeLessThan(30);
    const page = readPage(await telemetry.metrics());
    expect(sum(page, 'outrider_log_lines_dropped_total')).toBe(200 - written);
  });

  it.runIf(process.platform === 'linux')('survives a full disk', async () => {
    const of = world();
    const { telemetry } = await make(of, { accessLog: { destination: '/dev/full' } });
    telemetry.record(exchange(of));
    await telemetry.flush(2000);
    telemetry.record(exchange(of));
    await telemetry.flush(2000);
    expect(sum(readPage(await telemetry.metrics()), 'outrider_log_lines_dropped_total')).toBeGreaterThan(0);
    expect(sum(readPage(await telemetry.metrics()), 'outrider_requests_total')).toBe(2);
  });

  it('fails at the start where it cannot be written', async () => {
    const accessLog = { destination: '/no/such/folder/access.log' };
    await expect(make(world(), { accessLog })).rejects.toThrow('ENOENT');
  });

  it('samples plain successes only, and says at what rate', async () => {
    const of = world();
    const file = logFile();
    let next = 0;
    const random = () => (next = (next + 0.25) % 1);
    const { telemetry } = await make(of, {
      accessLog: { destination: file.path, sampleSuccesses: 0.25, random },
    });
    for (let i = 0; i < 8; i++) telemetry.record(exchange(of, { id: `plain-${i}` }));
    for (const parts of cases(of).slice(1)) telemetry.record(exchange(of, parts));
    await telemetry.flush(2000);
    const rates = file.records().map(({ id, sampleRate }) => `${id} ${sampleRate}`);
    expect(rates).toEqual([
      'plain-3 0.25',
      'plain-7 0.25',
      'stream 1',
      'failed-over 1',
      'no-price 1',
      'refused 1',
      'cancelled 1',
      'broken 1',
    ]);
    // Counted and kept for the admin port all the same.
    expect(sum(readPage(await telemetry.metrics()), 'outrider_requests_total')).toBe(14);
    expect(telemetry.request('plain-0')?.status).toBe(200);
  });

  it('can be left out', async () => {
    const of = world();
    const seen: string[] = [];
    const { telemetry } = await make(of, { accessLog: false, onRequest: ({ id }) => seen.push(id) });
    telemetry.record(exchange(of, { id: 'quiet' }));
    await telemetry.flush(2000);
    expect(seen).toEqual(['quiet']);
  });
});
