/** A million rows of two thousand sidecars, with everything that goes wrong on the way: the sum must be exact. */

import { Ledger } from '../../operator/ledger/ledger.ts';
import { readUsage } from '../../operator/ledger/reader.ts';
import { RowSpool } from '../../sidecar/accounting/row-spool.ts';
import { MemoryStore } from '../../test/operator/ledger/memory-store.ts';
import { type Figure, seeded } from './figure.ts';
import { rowOf } from './sample-row.ts';

const SIDECARS = 2_000;
const BATCH = 250;
const DAY_MS = 86_400_000;

interface Pod {
  uid: string;
  namespace: string;
  /** Oldest first: what a process that was killed left is handed in before what is new. */
  epochs: { name: string; spool: RowSpool }[];
}

export async function countRows(count: number): Promise<Figure[]> {
  const random = seeded(20_261_120);
  const store = new MemoryStore();
  let now = Date.parse('2026-11-20T00:00:00Z');
  let problems = 0;
  const options = { store, now: () => now, lives: () => true, onProblem: () => void problems++ };
  let ledger = new Ledger(options);
  await ledger.open();
  const pods = Array.from({ length: SIDECARS }, (_, i): Pod => {
    const epochs = [{ name: 'e0', spool: new RowSpool() }];
    return { uid: `pod-${i}`, namespace: `team-${i % 40}`, epochs };
  });
  const spent = { nanoUsd: 0n, rows: 0 };
  const went = { kills: 0, twice: 0, unheard: 0, restarts: 0, failedWrites: 0 };
  store.fate = () => {
    const drawn = random();
    if (drawn >= 0.04) return 'Ok';
    went.failedWrites++;
    return drawn < 0.02 ? 'Lost' : 'Refused';
  };

  const report = (pod: Pod, heard: boolean): void => {
    const [first] = pod.epochs;
    if (!first) return;
    const rows = first.spool.pending(BATCH);
    const safe = ledger.accept(pod, first.name, JSON.parse(JSON.stringify(rows)) as unknown[]);
    if (heard) first.spool.acknowledge(safe);
    if (first.spool.size === 0 && pod.epochs.length > 1) pod.epochs.shift();
  };

  const begun = performance.now();
  while (spent.rows < count) {
    for (const pod of pods) {
      const many = Math.floor(random() * 40);
      for (let i = 0; i < many && spent.rows < count; i++) {
        const nano = BigInt(Math.floor(random() * 50_000_000));
        spent.nanoUsd += nano;
        pod.epochs.at(-1)?.spool.append(rowOf(spent.rows++, nano, now));
      }
      report(pod, random() > 0.1 || !went.unheard++);
      if (random() < 0.1) {
        went.twice++;
        report(pod, false);
      }
      if (random() < 0.02 && pod.epochs.length < 3) {
        went.kills++;
        pod.epochs.push({ name: `e${went.kills}`, spool: new RowSpool() });
      }
    }
    if (random() < 0.7) await ledger.flush();
    if (random() < 0.3) {
      went.restarts++;
      ledger = new Ledger(options);
      await ledger.open();
    }
    now += DAY_MS / 24;
  }
  store.fate = () => 'Ok';
  for (let i = 0; i < 40 && pods.some((pod) => pod.epochs.some(({ spool }) => spool.size > 0)); i++) {
    for (const pod of pods) report(pod, true);
    await ledger.flush();
  }
  const seconds = (performance.now() - begun) / 1000;
  const sum = await kept(store);
  const left = pods.reduce((rows, pod) => rows + pod.epochs.reduce((n, { spool }) => n + spool.size, 0), 0);
  return [
    {
      what: 'difference of the sum, nano-USD',
      value: String(sum.nanoUsd - spent.nanoUsd),
      bar: '0',
      met: sum.nanoUsd === spent.nanoUsd,
    },
    {
      what: `rows of ${SIDECARS} sidecars that were counted`,
      value: String(sum.rows),
      bar: String(spent.rows),
      met: sum.rows === spent.rows,
    },
    { what: 'rows that were never acknowledged', value: String(left), bar: '0', met: left === 0 },
    {
      what: 'sidecars killed; reports sent twice; answers lost; operators restarted; writes failed',
      value: `${went.kills}; ${went.twice}; ${went.unheard}; ${went.restarts}; ${went.failedWrites} (${problems} told)`,
    },
    { what: 'seconds it took', value: seconds.toFixed(1) },
  ];
}

/** As a reader finds it, and not as the ledger that wrote it remembers it. */
export async function kept(
  store: Parameters<typeof readUsage>[0],
): Promise<{ nanoUsd: bigint; rows: number }> {
  const sum = { nanoUsd: 0n, rows: 0 };
  for (const { entries } of await readUsage(store, '0000-00-00', '9999-99-99')) {
    for (const { amounts } of entries) {
      sum.nanoUsd += amounts.nanoUsd;
      sum.rows += amounts.rows;
    }
  }
  return sum;
}
