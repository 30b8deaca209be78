import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SpanQueue } from '../../../sidecar/telemetry/span-queue.ts';

const span = (name: string) => ({ name }) as ReadableSpan;

type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];
/** The enum of its codes is in a package that is not ours: 0 is success. */
const resultOf = (code: number) => ({ code }) as unknown as ExportResult;

function queueOf(more: { limit?: number; batchSize?: number } = {}) {
  const sent: string[][] = [];
  const pending: ((code: number) => void)[] = [];
  const drops: string[] = [];
  const health: boolean[] = [];
  const exporter: SpanExporter = {
    export: (spans, done) => {
      sent.push(spans.map(({ name }) => name));
      pending.push((code) => done(resultOf(code)));
    },
    shutdown: () => Promise.resolve(),
  };
  const queue = new SpanQueue({
    exporter,
    limit: more.limit ?? 100,
    batchSize: more.batchSize ?? 3,
    delayMs: 2000,
    exportTimeoutMs: 12_000,
    onDropped: (reason, spans) => drops.push(`${reason} ${spans}`),
    onHealth: (working) => health.push(working),
  });
  const add = (...names: string[]) => {
    for (const name of names) queue.onEnd(span(name));
  };
  const answer = async (code: number) => {
    pending.shift()?.(code);
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
    await answer(0);
    add('c', 'd', 'e', 'f');
    expect(sent).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    await answer(0);
    await vi.advanceTimersByTimeAsync(2000);
    expect(sent.at(-1)).toEqual(['f']);
  });

  it('has one export under way, and goes on with what came meanwhile', async () => {
    const { add, answer, sent } = queueOf();
    add('a', 'b', 'c', 'd', 'e', 'f', 'g');
    expect(sent).toHaveLength(1);
    await answer(0);
    expect(sent).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
  });

  it('drops what is beyond its limit, and what could not be sent', async () => {
    const { add, answer, drops } = queueOf({ limit: 4 });
    add('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
    expect(drops).toEqual(['QueueFull 1', 'QueueFull 1']);
    await answer(1);
    expect(drops.at(-1)).toBe('ExportFailed 3');
  });

  it('tells changes of health only', async () => {
    const { add, answer, health } = queueOf({ batchSize: 1 });
    for (const code of [0, 1, 1, 1, 0, 0, 1]) {
      add('x');
      await answer(code);
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
    await answer(0);
    expect(drops).toHaveLength(1);
    await answer(0);
    exporter.export = () => {
      throw new Error('broken');
    };
    add('c');
    await vi.advanceTimersByTimeAsync(0);
    expect(drops).toEqual(['ExportFailed 1', 'ExportFailed 1']);
  });

  it('flushes everything, a batch at a time, and takes nothing after its end', async () => {
    const { queue, add, answer, sent, drops } = queueOf();
    add('a', 'b', 'c', 'd', 'e');
    let flushed = false;
    const done = queue.shutdown().then(() => (flushed = true));
    await answer(0);
    expect(sent).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    expect(flushed).toBe(false);
    await answer(1);
    await done;
    add('late');
    expect(drops).toEqual(['ExportFailed 2', 'QueueFull 1']);
  });
});
