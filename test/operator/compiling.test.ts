import { beforeEach, describe, expect, it } from 'vitest';
import type { Compiled } from '../../operator/compile/types.ts';
import { type Compiling, startCompiling } from '../../operator/compiling.ts';
import { silentLog } from '../../operator/watch/log.ts';
import type { Source, SourceChange } from '../../operator/watch/source.ts';
import { aProvider, aRoute } from './support/cluster.ts';
import { ManualClock } from './support/manual-clock.ts';

let clock: ManualClock;
let results: Compiled[];
let failures: number;
let compiling: Compiling;
let change: (effect: 'Content' | 'Status') => void;
let sync: () => void;

beforeEach(() => {
  clock = new ManualClock();
  results = [];
  failures = 0;
  const listeners = new Set<(change: SourceChange) => void>();
  const source = {
    synced: new Promise<void>((resolve) => {
      sync = resolve;
    }),
    resources: () => ({
      routes: [aRoute('r')],
      providers: [aProvider()],
      secrets: [],
      namespaces: [],
      pods: [],
    }),
    onChange(listener: (change: SourceChange) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  change = (effect) => {
    for (const listener of listeners) listener({ kind: 'LLMRoute', key: 'shop/r', effect, uid: '' });
  };
  compiling = startCompiling({
    source: source as unknown as Source,
    clock,
    random: () => 0.5,
    log: silentLog,
    platformNamespaces: [],
    publish(compiled) {
      if (failures > 0) {
        failures -= 1;
        throw new Error('publishing failed');
      }
      results.push(compiled);
    },
  });
});

const after = (ms: number) =>
  clock.pass(ms, async () => {
    await new Promise<void>((done) => setImmediate(done));
    await compiling.queue.idle();
  });

describe('startCompiling', () => {
  it('compiles nothing before everything is read, then at once', async () => {
    change('Content');
    await after(60_000);
    expect(results).toEqual([]);
    expect(compiling.isDone()).toBe(false);
    sync();
    await compiling.done;
    expect(results).toHaveLength(1);
    expect(results[0]?.verdicts).toHaveLength(2);
  });

  it('takes a burst together, 20 ms after its last change and 200 ms after its first at most', async () => {
    sync();
    await compiling.done;
    for (let i = 0; i < 5; i += 1) {
      change('Content');
      await after(19);
    }
    expect(results).toHaveLength(1);
    await after(1);
    expect(results).toHaveLength(2);
    for (let ms = 0; ms < 200; ms += 10) {
      change('Content');
      await after(10);
    }
    expect(results).toHaveLength(3);
  });

  it('does not compile for a status that changed, and once an hour for prices that begin on a date', async () => {
    sync();
    await compiling.done;
    change('Status');
    await after(60_000);
    expect(results).toHaveLength(1);
    await after(3_540_000);
    expect(results).toHaveLength(2);
  });

  it('tries again what failed, and takes the newest then', async () => {
    failures = 3;
    sync();
    await after(0);
    expect(compiling.isDone()).toBe(false);
    await after(25);
    await after(50);
    expect(results).toEqual([]);
    await after(100);
    expect(results).toHaveLength(1);
    expect(compiling.isDone()).toBe(true);
  });

  it('stops', async () => {
    sync();
    await compiling.done;
    change('Content');
    await compiling.stop();
    expect(clock.waits).toEqual([]);
    change('Content');
    expect(clock.waits).toEqual([]);
  });
});
