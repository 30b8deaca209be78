/** What a report costs: the path from bytes to answer by itself, and the operator's process over real HTTPS. */
import { setTimeout as delay } from 'node:timers/promises';
import { Ledger } from '../../operator/ledger/ledger.ts';
import { readReport } from '../../operator/sync/report.ts';
import { MemoryStore } from '../../test/operator/ledger/memory-store.ts';
import { cpuNanoseconds } from '../dataplane/process-meter.ts';
import type { Figure } from './figure.ts';
import { openCluster } from './operator-process.ts';
import { rowOf } from './sample-row.ts';
import { wireReport } from './wire-report.ts';

const REPORTS = 20_000;
/** Rows of one report: a pod that reports each five seconds and serves one request a second. */
const ROWS = 5;
/** 5,000 a second on one core. */
const MOST_MICROSECONDS = 200;
const CONNECTIONS = 32;
const HTTPS_REPORTS = 10_000;

const bodies = (count: number, epochs: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => {
    const from = Math.floor(i / epochs) * ROWS;
    const rows = Array.from({ length: ROWS }, (__, n) => ({
      ...rowOf(i * ROWS + n, 1_000_000n, Date.now()),
      seq: from + n + 1,
    }));
    return wireReport('e', rows);
  });

export async function measureReports(): Promise<Figure[]> {
  return [await purePath(), ...(await overHttps())];
}

async function purePath(): Promise<Figure> {
  const pods = Array.from({ length: 2000 }, (_, i) => ({ uid: `pod-${i}`, namespace: `team-${i % 40}` }));
  const ledger = new Ledger({
    store: new MemoryStore(),
    now: () => Date.now(),
    lives: () => true,
    onProblem: (what, error) => {
      throw new Error(what, { cause: error });
    },
  });
  await ledger.open();
  const sent = bodies(REPORTS * 2, pods.length);
  const run = (from: number): number => {
    const before = process.cpuUsage();
    for (let i = from; i < from + REPORTS; i++) {
      const { epoch, rows } = readReport(sent[i] as Buffer);
      const pod = pods[i % pods.length] as (typeof pods)[number];
      const acknowledgedSeq = ledger.accept(pod, epoch, rows);
      JSON.stringify({ nextReportIn: 5000, ledgerShard: 0, acknowledgedSeq });
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / REPORTS;
  };
  run(0);
  await ledger.flush();
  const each = run(REPORTS);
  return {
    what: `CPU of a report of ${ROWS} rows, read, counted and answered`,
    value: `${each.toFixed(1)} µs (${Math.floor(1e6 / each)} a second on one core)`,
    bar: `${MOST_MICROSECONDS} µs`,
    met: each <= MOST_MICROSECONDS,
  };
}

async function overHttps(): Promise<Figure[]> {
  const cluster = await openCluster(CONNECTIONS, CONNECTIONS);
  try {
    cluster.start();
    await cluster.ready();
    await delay(1000);
    const sent = bodies(HTTPS_REPORTS, CONNECTIONS);
    let next = 0;
    let refused = 0;
    const send = async (until: number): Promise<void> => {
      while (next < until) {
        const i = next++;
        const pod = cluster.pods[i % CONNECTIONS];
        if (!pod) return;
        const { status } = await cluster.report(pod, sent[i] as Buffer);
        if (status !== 200) refused++;
      }
    };
    const all = (until: number) => Promise.all(Array.from({ length: CONNECTIONS }, () => send(until)));
    await all(HTTPS_REPORTS / 2);
    const [before, begun] = [cpuNanoseconds(cluster.pid()), performance.now()];
    await all(HTTPS_REPORTS);
    const each = (cpuNanoseconds(cluster.pid()) - before) / 1000 / (HTTPS_REPORTS / 2);
    const rate = (HTTPS_REPORTS / 2 / (performance.now() - begun)) * 1000;
    return [
      {
        what: `CPU of the operator's process for a report over HTTPS, ${CONNECTIONS} connections, all threads`,
        value: `${each.toFixed(0)} µs (${Math.floor(1e6 / each)} a second on one core)`,
        bar: `${MOST_MICROSECONDS} µs`,
        met: each <= MOST_MICROSECONDS && refused === 0,
      },
      {
        what: 'reports a second as far as this machine went; refused',
        value: `${Math.floor(rate)}; ${refused}`,
      },
    ];
  } finally {
    await cluster.close();
  }
}
