import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../operator/watch/log.ts';
import {
  type QueueOptions,
  type RunResult,
  TerminalError,
  WorkQueue,
} from '../../../operator/watch/queue.ts';
import { ManualClock } from '../support/manual-clock.ts';

let clock: ManualClock;
let results: RunResult[];

beforeEach(() => {
  clock = new ManualClock();
  results = [];
});

function make(handle: QueueOptions['handle'], options: Partial<QueueOptions> = {}): WorkQueue {
  return new WorkQueue({
    name: 'test',
    handle,
    clock,
    random: () => 0.5,
    log: silentLog,
    observe: (result) => results.push(result),
    ...options,
  });
}

/** A handler whose runs end when the test says so. */
function gated() {
  const runs: { key: string; end: () => void; fail: (error: unknown) => void }[] = [];
  const handle = (key: string) =>
    new Promise<void>((resolve, reject) => runs.push({ key, end: resolve, fail: reject }));
  return { runs, handle };
}

const turn = () => new Promise<void>((done) => setImmediate(done));

describe('WorkQueue', () => {
  it('runs a key once however often it was added while it waited, and once more if added while it ran', async () => {
    const { runs, handle } = gated();
    const queue = make(handle, { concurrency: 1 });
    queue.add('a');
    for (let i = 0; i < 5; i += 1) queue.add('b');
    expect(runs.map(({ key }) => key)).toEqual(['a']);
    expect(queue.depth).toBe(1);
    for (let i = 0; i < 5; i += 1) queue.add('a');
    runs[0]?.end();
    await turn();
    runs[1]?.end();
    await turn();
    runs[2]?.end();
    await queue.idle();
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b', 'a']);
  });

  it('knows a key that it ran again at once: adds wait for it, and stopping drops its plans', async () => {
    const { runs, handle } = gated();
    const queue = make(async (key) => {
      await handle(key);
      return 5_000;
    });
    queue.add('a');
    queue.add('a');
    runs[0]?.end();
    await turn();
    queue.add('a');
    expect(runs).toHaveLength(2);
    runs[1]?.end();
    await turn();
    runs[2]?.end();
    await queue.idle();
    expect(clock.waits).toEqual([5_000]);
    await queue.stop();
    expect(clock.waits).toEqual([]);
  });

  it('never runs one key twice at the same time, and no more keys than told', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.boolean(), fc.nat(2)), {
          maxLength: 60,
        }),
        async (adds) => {
          const running = new Set<string>();
          const lastRun = new Map<string, number>();
          let most = 0;
          const failing = new Set<string>();
          const queue = make(
            async (key) => {
              expect(running.has(key)).toBe(false);
              running.add(key);
              most = Math.max(most, running.size);
              lastRun.set(key, (lastRun.get(key) ?? 0) + 1);
              await turn();
              running.delete(key);
              if (failing.delete(key)) throw new Error('once');
            },
            { concurrency: 2 },
          );
          for (const [key, fails, pause] of adds) {
            if (fails) failing.add(key);
            queue.add(key);
            for (let i = 0; i < pause; i += 1) await turn();
          }
          for (let i = 0; i < 5; i += 1) {
            await queue.idle();
            clock.advance(60_000);
          }
          await queue.idle();
          expect(most).toBeLessThanOrEqual(2);
          expect([...lastRun.keys()].sort()).toEqual([...new Set(adds.map(([key]) => key))].sort());
          expect(failing.size).toBe(0); // every failure was followed by a run that did not fail
        },
      ),
      { numRuns: 40 },
    );
  });

  it('retries what throws, with growing waits, and forgets the failures after a success', async () => {
    let failures = 4;
    const queue = make(() => {
      if (failures > 0) {
        failures -= 1;
        throw new Error('not yet');
      }
    });
    queue.add('a');
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 4; i += 1) {
      await queue.idle();
      waits.push(clock.waits[0]);
      clock.advance(clock.waits[0] ?? 0);
    }
    await queue.idle();
    expect(waits).toEqual([2.5, 5, 10, 20]);
    expect(results).toEqual(['Retry', 'Retry', 'Retry', 'Retry', 'Done']);
    failures = 1;
    queue.add('a');
    await queue.idle();
    expect(clock.waits).toEqual([2.5]);
  });

  it('bounds the wait', async () => {
    const queue = make(() => Promise.reject(new Error('always')), { backoff: { baseMs: 100, maxMs: 5000 } });
    queue.add('a');
    for (let i = 0; i < 60; i += 1) {
      await queue.idle();
      expect(clock.waits[0]).toBeLessThanOrEqual(2500);
      clock.advance(clock.waits[0] ?? 0);
    }
    await queue.idle();
    expect(clock.waits).toEqual([2500]);
  });

  it('lets changes bring a retry forward, but only to a second after the failure', async () => {
    let runs = 0;
    const queue = make(
      () => {
        runs += 1;
        throw new Error('always');
      },
      { backoff: { baseMs: 60_000, maxMs: 60_000 } },
    );
    queue.add('a');
    await queue.idle();
    expect(clock.waits).toEqual([30_000]);
    for (let i = 0; i < 100; i += 1) queue.add('a');
    expect(clock.waits).toEqual([1000]);
    clock.advance(999);
    expect(runs).toBe(1);
    clock.advance(1);
    await queue.idle();
    expect(runs).toBe(2);
    clock.advance(5000);
    queue.add('a'); // the failure is long enough ago
    await queue.idle();
    expect(runs).toBe(3);
  });

  it('does not retry a TerminalError before the next add', async () => {
    const queue = make(() => Promise.reject(new TerminalError('invalid')));
    queue.add('a');
    await queue.idle();
    expect(clock.waits).toEqual([]);
    queue.add('a');
    await queue.idle();
    expect(results).toEqual(['Terminal', 'Terminal']);
  });

  it('looks again when a handler asks for it, or earlier when something changed', async () => {
    let runs = 0;
    const queue = make(() => {
      runs += 1;
      return runs < 3 ? 5000 : undefined;
    });
    queue.add('a');
    await queue.idle();
    expect(clock.waits).toEqual([5000]);
    queue.addAfter('a', 9000); // later than planned: no effect
    queue.addAfter('a', 4000);
    expect(clock.waits).toEqual([4000]);
    queue.add('a');
    await queue.idle();
    expect(runs).toBe(2);
    expect(clock.waits).toEqual([5000]); // one plan per key, not two
    clock.advance(5000);
    await queue.idle();
    expect(runs).toBe(3);
    expect(clock.waits).toEqual([]);
  });

  it('asks for no timer in the past, though time goes on meanwhile', async () => {
    const asked: number[] = [];
    const queue = make(() => {}, {
      clock: {
        monotonic: () => {
          clock.advance(1);
          return clock.monotonic();
        },
        wall: () => clock.wall(),
        after: (ms, task) => {
          asked.push(ms);
          return clock.after(ms, task);
        },
      },
    });
    queue.addAfter('a', 0.5);
    await turn();
    await queue.idle();
    expect(results).toEqual(['Done']);
    expect(asked).toEqual([0]);
  });

  it('forgets a key on request', async () => {
    const queue = make(() => Promise.reject(new Error('always')));
    queue.add('a');
    await queue.idle();
    queue.forget('a');
    expect(clock.waits).toEqual([]);
  });

  it('forgets a key that is due at the same moment as the one whose run forgets it', () => {
    const runs: string[] = [];
    const queue = make((key) => {
      runs.push(key);
      queue.forget('b');
    });
    for (const key of ['a', 'b', 'c']) queue.addAfter(key, 1_000);
    clock.advance(1_000);
    expect(runs).toEqual(['a', 'c']);
    clock.advance(60_000);
    expect(runs).toEqual(['a', 'c']);
  });

  it('stops after what runs has ended, and takes nothing more', async () => {
    const { runs, handle } = gated();
    const queue = make(handle, { concurrency: 1 });
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 1000);
    let stopped = false;
    const stop = (async () => {
      await queue.stop();
      stopped = true;
    })();
    await turn();
    expect(stopped).toBe(false);
    queue.add('d');
    runs[0]?.fail(new Error('while stopping'));
    await stop;
    expect(runs).toHaveLength(1);
    expect(clock.waits).toEqual([]);
  });
});
