import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, SHARDS } from '../../../operator/ledger/ledger.ts';
import { readUsage } from '../../../operator/ledger/reader.ts';
import type { LedgerStore } from '../../../operator/ledger/store.ts';
import { MemoryStore } from './memory-store.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-11-20T12:00:00Z');

function wireRow(seq: number, nano: bigint, at: number, more: object = {}) {
  return {
    type: 'Attempt',
    seq,
    at,
    route: 'shop/assistant',
    provider: 'provider/shop/openai',
    model: 'gpt-5-mini',
    outcome: 'Ok',
    source: 'Provider',
    usage: { input: 10, output: 5, cacheRead: 0, audioInput: 0, reasoning: 0, audioOutput: 0 },
    costNanoUsd: nano.toString(),
    ...more,
  };
}

class World {
  readonly store = new MemoryStore();
  now = START;
  problems: string[] = [];
  ledger = this.start();

  start(): Ledger {
    this.ledger = new Ledger({
      store: this.store,
      now: () => this.now,
      lives: () => true,
      onProblem: (what, error) => this.problems.push(`${what}: ${String(error)}`),
    });
    return this.ledger;
  }

  async total(): Promise<bigint> {
    let sum = 0n;
    for (const day of this.ledger.days()) {
      for (const { amounts } of (await this.ledger.usage(day)) ?? []) sum += amounts.nanoUsd;
    }
    return sum;
  }
}

const POD = { uid: 'pod-1', namespace: 'shop' };

describe('the ledger', () => {
  it('acknowledges what is written, and nothing before', async () => {
    const world = new World();
    await world.ledger.open();
    expect(world.ledger.accept(POD, 'e', [wireRow(1, 5n, START), wireRow(2, 7n, START)])).toBe(0);
    await world.ledger.flush();
    expect(world.ledger.accept(POD, 'e', [])).toBe(2);
    expect(await world.total()).toBe(12n);
  });

  it('counts what comes twice once, across a restart', async () => {
    const world = new World();
    await world.ledger.open();
    const rows = [wireRow(1, 5n, START), wireRow(2, 7n, START)];
    world.ledger.accept(POD, 'e', rows);
    world.ledger.accept(POD, 'e', rows);
    await world.ledger.flush();
    world.start();
    expect(world.ledger.accept(POD, 'e', rows)).toBe(0);
    await world.ledger.open();
    expect(world.ledger.accept(POD, 'e', [...rows, wireRow(3, 1n, START)])).toBe(2);
    await world.ledger.flush();
    expect(await world.total()).toBe(13n);
  });

  it('tells processes of a pod apart', async () => {
    const world = new World();
    await world.ledger.open();
    world.ledger.accept(POD, 'first', [wireRow(1, 5n, START)]);
    world.ledger.accept(POD, 'second', [wireRow(1, 7n, START)]);
    world.ledger.accept(POD, 'first', [wireRow(2, 1n, START)]);
    await world.ledger.flush();
    expect(await world.total()).toBe(13n);
    expect(world.ledger.accept(POD, 'first', [])).toBe(2);
    expect(world.ledger.accept(POD, 'second', [])).toBe(1);
  });

  it('counts against every budget that a row names, in whole', async () => {
    const world = new World();
    await world.ledger.open();
    const charges = [
      { budget: 'shop/team', key: '', window: 1_000 },
      { budget: 'platform/all', key: 'shop', window: 2_000 },
    ];
    world.ledger.accept(POD, 'e', [wireRow(1, 5n, START, { charges }), wireRow(2, 7n, START)]);
    world.ledger.accept({ uid: 'pod-2', namespace: 'shop' }, 'e', [wireRow(1, 3n, START, { charges })]);
    for (const charge of charges) expect(world.ledger.spent(charge)).toBe(8n);
    expect(world.ledger.spent({ budget: 'shop/team', key: 'other', window: 1_000 })).toBe(0n);
  });

  it('leaves out what is no row, and acknowledges past it', async () => {
    const world = new World();
    await world.ledger.open();
    world.ledger.accept(POD, 'e', [
      null,
      7,
      {},
      wireRow(1, 5n, START),
      { ...wireRow(2, 0n, START), costNanoUsd: '-7' },
      { ...wireRow(3, 0n, START), seq: 3.5 },
      wireRow(4, 2n, START),
    ]);
    await world.ledger.flush();
    expect(world.ledger.accept(POD, 'e', [])).toBe(4);
    const [entry] = (await world.ledger.usage('2026-11-20')) ?? [];
    expect(entry?.amounts).toMatchObject({ rows: 3, unpriced: 1, nanoUsd: 7n });
  });

  it('keeps the sum where a day has more keys than it may name', async () => {
    const world = new World();
    await world.ledger.open();
    for (let i = 0; i < 1500; i++) {
      world.ledger.accept(POD, 'e', [wireRow(i + 1, 1n, START, { model: `m${i}` })]);
    }
    await world.ledger.flush();
    const entries = (await world.ledger.usage('2026-11-20')) ?? [];
    expect(entries).toHaveLength(1001);
    expect(entries.find(({ model }) => model === '_other')?.amounts.nanoUsd).toBe(500n);
    world.start();
    await world.ledger.open();
    expect(await world.total()).toBe(1500n);
  });

  it('closes days, keeps 35 of them, and books late rows on the first open one', async () => {
    const world = new World();
    await world.ledger.open();
    for (let day = 0; day < 40; day++) {
      world.now = START + day * DAY;
      world.ledger.accept(POD, 'e', [wireRow(day + 1, BigInt(day), world.now)]);
      await world.ledger.flush();
    }
    expect(world.problems).toEqual([]);
    expect(world.ledger.days()).toHaveLength(36);
    const names = await world.store.names();
    expect(names.filter((name) => name.startsWith('day-'))).toHaveLength(34);
    world.ledger.accept(POD, 'e', [wireRow(41, 1000n, START)]);
    await world.ledger.flush();
    const [entry] = (await world.ledger.usage('2026-12-28')) ?? [];
    expect(entry?.amounts.nanoUsd).toBe(1038n);
  });

  it('writes a shard once, however many rows came, and nothing at rest', async () => {
    const world = new World();
    await world.ledger.open();
    for (let i = 0; i < 1000; i++) {
      world.ledger.accept({ uid: `pod-${i}`, namespace: 'shop' }, 'e', [wireRow(1, 1n, START)]);
    }
    await world.ledger.flush();
    expect(world.store.writes).toBe(SHARDS);
    await world.ledger.flush();
    expect(world.store.writes).toBe(SHARDS);
  });

  it('does not write over what it cannot read', async () => {
    const world = new World();
    const before = { bytes: Buffer.from('of a version to come'), version: 'x' };
    for (let i = 0; i < SHARDS; i++) world.store.objects.set(`shard-${i}`, before);
    await world.ledger.open();
    expect(world.ledger.accept(POD, 'e', [wireRow(1, 5n, START)])).toBe(0);
    await world.ledger.flush();
    expect(world.problems.length).toBeGreaterThan(0);
    expect(world.store.objects.get('shard-0')).toBe(before);
  });
});

describe('a reader while a day is closed', () => {
  it.each(Array.from({ length: 24 }, (_, i) => i))(
    'finds every row once, whatever comes between its steps: after %i',
    async (at) => {
      const world = new World();
      await world.ledger.open();
      for (let i = 0; i < 40; i++) {
        const pod = { uid: `pod-${i}`, namespace: 'shop' };
        world.ledger.accept(pod, 'e', [wireRow(1, 7n, START), wireRow(2, 1n, START + DAY)]);
      }
      world.now = START + DAY;
      await world.ledger.flush();
      let steps = 0;
      const between = async <T>(step: Promise<T>): Promise<T> => {
        const found = await step;
        if (steps++ === at) {
          world.now = START + 3 * DAY;
          await world.ledger.flush();
        }
        return found;
      };
      const reading: LedgerStore = {
        read: (name) => between(world.store.read(name)),
        names: () => between(world.store.names()),
        write: () => Promise.reject(new Error('a reader writes nothing')),
        remove: () => Promise.reject(new Error('a reader removes nothing')),
      };
      const days = await readUsage(reading, '2026-11-01', '2026-12-31');
      const sum = days
        .flatMap(({ entries }) => entries)
        .reduce((nano, { amounts }) => nano + amounts.nanoUsd, 0n);
      expect(sum).toBe(40n * 8n);
    },
  );
});

/** A pod that keeps its rows until they are acknowledged. */
class Spool {
  readonly pod: { uid: string; namespace: string };
  rows: ReturnType<typeof wireRow>[] = [];
  #seq = 0;

  constructor(uid: string) {
    this.pod = { uid, namespace: 'shop' };
  }

  spend(nano: bigint, at: number): void {
    this.rows.push(wireRow(++this.#seq, nano, at));
  }

  report(ledger: Ledger, heard: boolean): void {
    const safe = ledger.accept(this.pod, 'e', structuredClone(this.rows));
    if (heard) this.rows = this.rows.filter(({ seq }) => seq > safe);
  }
}

describe('whatever fails, in whatever order', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('spend' as const), pod: fc.nat(5), nano: fc.nat(1_000_000) }),
    fc.record({ do: fc.constant('report' as const), pod: fc.nat(5), heard: fc.boolean() }),
    fc.record({
      do: fc.constant('flush' as const),
      fates: fc.array(fc.constantFrom('Ok' as const, 'Ok' as const, 'Refused' as const, 'Lost' as const), {
        maxLength: 12,
      }),
      crash: fc.boolean(),
    }),
    fc.record({ do: fc.constant('crash' as const) }),
    fc.record({ do: fc.constant('second leader' as const), pod: fc.nat(5) }),
    fc.record({ do: fc.constant('days pass' as const), days: fc.integer({ min: 1, max: 3 }) }),
  );

  it('every row is counted exactly once in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new World();
        await world.ledger.open();
        const spools = Array.from({ length: 6 }, (_, i) => new Spool(`pod-${i}`));
        let spent = 0n;
        for (const one of steps) {
          switch (one.do) {
            case 'spend':
              spent += BigInt(one.nano);
              spools[one.pod]?.spend(BigInt(one.nano), world.now);
              break;
            case 'report':
              spools[one.pod]?.report(world.ledger, one.heard);
              break;
            case 'flush': {
              let at = 0;
              world.store.fate = () => one.fates[at++] ?? 'Ok';
              await world.ledger.flush();
              world.store.fate = () => 'Ok';
              if (one.crash) await world.start().open();
              break;
            }
            case 'crash':
              await world.start().open();
              break;
            case 'second leader': {
              // It believes to lead, too, and hears of rows; what it writes makes the first one read again.
              const first = world.ledger;
              await world.start().open();
              spools[one.pod]?.report(world.ledger, true);
              await world.ledger.flush();
              world.ledger = first;
              break;
            }
            case 'days pass':
              world.now += one.days * DAY;
              break;
          }
        }
        for (let i = 0; i < 4; i++) {
          for (const spool of spools) spool.report(world.ledger, true);
          await world.ledger.flush();
        }
        for (const spool of spools) spool.report(world.ledger, true);
        expect(spools.flatMap(({ rows }) => rows)).toEqual([]);
        world.start();
        await world.ledger.open();
        expect(await world.total()).toBe(spent);
      }),
      { numRuns: 1000 },
    );
  });
});
