import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SpanQueue } from '../../../sidecar/telemetry/span-queue.ts';

const span = (name: string) => ({ bytes: Buffer.from(name), count: 1 });

function queueOf(more: { limit?: number; batchSize?: number } = {}) {
  const sent: string[][] = [];
  const pending: ((taken: boolean) => void)[] = [];
  const drops: string[] = [];
  const health: boolean[] = [];
  const exporter = {
    send: (batch: readonly Buffer[]): Promise<boolean> => {
      sent.push(batch.map(String));
      return new Promise((resolve) => pending.push(resolve));
    },
  };
  const queue = new SpanQueue({
    send: (batch) => exporter.send(batch),
    limit: more.limit ?? 100,
    batchSize: more.batchSize ?? 3,
    delayMs: 2000,
    exportTimeoutMs: 12_000,
    onDropped: (reason, spans) => drops.push(`${reason} ${spans}`),
    onHealth: (working) => health.push(working),
  });
  const add = (...names: string[]) => {
    for (const name of names) queue.add(span(name));
  };
  const answer = async (taken: boolean) => {
    pending.shift()?.(taken);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { queue, exporter, add, answer, sent, drops, health };
}

describe('the span queue', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('sends a batch when it is full, or when its oldest span has waited long enough', async () => {
    const { add, answer, sent } = queueOf();
    add('a', 'b');
    await vi.advanceTimersByTimeAsync(1999);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toEqual([['a', 'b']]);
    await answer(true);
    add('c', 'd', 'e', 'f');
    expect(sent).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    await answer(true);
    await vi.advanceTimersByTimeAsync(2000);
    expect(sent.at(-1)).toEqual(['f']);
  });

  it('has one export under way, and goes on with what came meanwhile', async () => {
    const { add, answer, sent } = queueOf();
    add('a', 'b', 'c', 'd', 'e', 'f', 'g');
    expect(sent).toHaveLength(1);
    await answer(true);
    expect(sent).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
  });

  it('drops what is beyond its limit, and what could not be sent', async () => {
    const { add, answer, drops } = queueOf({ limit: 4 });
    add('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
    expect(drops).toEqual(['QueueFull 1', 'QueueFull 1']);
    await answer(false);
    expect(drops.at(-1)).toBe('ExportFailed 3');
  });

  it('tells changes of health only', async () => {
    const { add, answer, health } = queueOf({ batchSize: 1 });
    for (const code of [0, 1, 1, 1, 0, 0, 1]) {
      add('x');
      await answer(code === 0);
    }
    expect(health).toEqual([false, true, false]);
  });

  it('gives up on an export that never ends, and on an exporter that throws', async () => {
    const { add, answer, sent, drops, exporter } = queueOf({ batchSize: 1 });
    add('a', 'b');
    await vi.advanceTimersByTimeAsync(12_000);
    expect(drops).toEqual(['ExportFailed 1']);
    expect(sent).toEqual([['a'], ['b']]);
    // The answer to the first comes late: it is not taken for that of the second.
    await answer(true);
    expect(drops).toHaveLength(1);
    await answer(true);
    exporter.send = () => {
      throw new Error('broken');
    };
    add('c');
    await vi.advanceTimersByTimeAsync(0);
    expect(drops).toEqual(['ExportFailed 1', 'ExportFailed 1']);
  });

  it('keeps the spans of a request together, and counts them one by one', async () => {
    const { queue, answer, sent, drops } = queueOf({ limit: 7 });
    for (const name of ['a', 'b', 'c']) queue.add({ bytes: Buffer.from(name), count: 2 });
    expect(sent).toEqual([['a', 'b']]);
    for (const name of ['d', 'e']) queue.add({ bytes: Buffer.from(name), count: 3 });
    expect(drops).toEqual(['QueueFull 3']);
    await answer(false);
    expect(drops.at(-1)).toBe('ExportFailed 4');
    expect(sent.at(-1)).toEqual(['c', 'd']);
  });

  it('flushes everything, a batch at a time', async () => {
    const { queue, add, answer, sent, drops } = queueOf();
    add('a', 'b', 'c', 'd', 'e');
    let flushed = false;
    const done = queue.flush().then(() => (flushed = true));
    await answer(true);
    expect(sent).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    expect(flushed).toBe(false);
    await answer(false);
    await done;
    expect(drops).toEqual(['ExportFailed 2']);
  });
});
