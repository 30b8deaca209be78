import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogRecord } from '../../../sidecar/telemetry/summary.ts';
import { exchange, snapshotOf, world } from './exchanges.ts';
import { readPage } from './page.ts';
import { make } from './support.ts';

describe('finished requests', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  async function listening() {
    const of = world();
    const told: LogRecord[] = [];
    const { telemetry } = await make(of, { onRequest: (record) => told.push(record) });
    const record = (...ids: string[]): void => {
      for (const id of ids) telemetry.record(exchange(of, { id }));
    };
    return { of, telemetry, record, ids: () => told.map(({ id }) => id) };
  }

  it('are told within two milliseconds, or four at once, in their order and once', async () => {
    const { record, ids } = await listening();
    record('a');
    expect(ids()).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(ids()).toEqual(['a']);
    record('b', 'c', 'd', 'e', 'f');
    expect(ids()).toEqual(['a', 'b', 'c', 'd', 'e']);
    vi.advanceTimersByTime(2);
    expect(ids()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    vi.advanceTimersByTime(10);
    expect(ids()).toHaveLength(6);
  });

  it('are in whatever is read next', async () => {
    const { telemetry, record, ids } = await listening();
    record('a');
    expect(telemetry.request('a')?.id).toBe('a');
    record('b');
    const requests = readPage(await telemetry.metrics()).filter(
      ({ name }) => name === 'outrider_requests_total',
    );
    expect(requests.map(({ value }) => value)).toEqual([2]);
    record('c');
    await telemetry.flush(1000);
    expect(ids()).toEqual(['a', 'b', 'c']);
  });

  it('are told by the names of the configuration under which they ran', async () => {
    const { telemetry, record } = await listening();
    record('a');
    telemetry.snapshotChanged(snapshotOf([], []));
    expect(await telemetry.metrics()).not.toContain('_OTHER');
  });
});
