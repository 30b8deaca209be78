/** The real operator killed again and again at any moment, while sidecars go on reporting: sum in is sum out. */
import { setTimeout as delay } from 'node:timers/promises';
import { RowSpool } from '../../sidecar/accounting/row-spool.ts';
import type { Figure } from './figure.ts';
import { openCluster } from './operator-process.ts';
import { kept } from './rows.ts';
import { rowOf } from './sample-row.ts';
import { wireReport } from './wire-report.ts';

const PODS = 8;
/** As many as a report may have. */
const BATCH = 500;
/** After the operator is ready: one flush and a half. */
const LONGEST_LIFE_MS = 1_500;
const SETTLE_MS = 180_000;

export async function killOperators(kills: number): Promise<Figure[]> {
  const cluster = await openCluster(PODS, PODS);
  const spent = { nanoUsd: 0n, rows: 0 };
  const spools = cluster.pods.map((pod) => ({ pod, spool: new RowSpool() }));
  const now = { running: true, spending: true };
  let [answered, refused] = [0, 0];
  const feed = async ({ pod, spool }: (typeof spools)[number]): Promise<void> => {
    while (now.running) {
      if (now.spending) {
        for (let i = Math.floor(Math.random() * 3); i > 0; i--) {
          const nano = BigInt(Math.floor(Math.random() * 50_000_000));
          spent.nanoUsd += nano;
          spool.append(rowOf(spent.rows++, nano, Date.now()));
        }
      }
      try {
        const { status, body } = await cluster.report(pod, wireReport('e', spool.pending(BATCH)));
        if (status === 200) {
          answered++;
          spool.acknowledge((JSON.parse(body) as { acknowledgedSeq: number }).acknowledgedSeq);
        } else refused++;
      } catch {
        refused++;
      }
      await delay(20 + Math.random() * 60);
    }
  };
  const begun = performance.now();
  try {
    cluster.start();
    const feeding = Promise.all(spools.map(feed));
    for (let i = 0; i < kills; i++) {
      // Some die before they are ready, in the midst of reading what is kept.
      if (Math.random() < 0.8) await cluster.ready();
      await delay(Math.random() * LONGEST_LIFE_MS);
      await cluster.kill();
      cluster.start();
    }
    now.spending = false;
    await cluster.ready();
    const deadline = Date.now() + SETTLE_MS;
    while (Date.now() < deadline && spools.some(({ spool }) => spool.size > 0)) await delay(100);
    now.running = false;
    await feeding;
    const sum = await kept(cluster.store);
    const left = spools.reduce((rows, { spool }) => rows + spool.size, 0);
    return [
      {
        what: `difference of the sum after ${kills} kills of the process, nano-USD`,
        value: String(sum.nanoUsd - spent.nanoUsd),
        bar: '0',
        met: sum.nanoUsd === spent.nanoUsd,
      },
      {
        what: 'rows counted',
        value: String(sum.rows),
        bar: String(spent.rows),
        met: sum.rows === spent.rows,
      },
      { what: 'rows that were never acknowledged', value: String(left), bar: '0', met: left === 0 },
      {
        what: 'reports answered; without an answer; seconds',
        value: `${answered}; ${refused}; ${((performance.now() - begun) / 1000).toFixed(0)}`,
      },
    ];
  } finally {
    now.running = false;
    await cluster.close();
  }
}
