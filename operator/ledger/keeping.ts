/** Runs the ledger: it counts from when this replica leads, and writes every few seconds what is new. */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import type { Report, ReportAnswer } from '../../sidecar/snapshot/messages.ts';
import type { Leadership } from '../leader/leadership.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { describeError, type Log } from '../watch/log.ts';
import { configMapStore } from './config-map-store.ts';
import { EscrowStore } from './leases/escrow-store.ts';
import { Leasing, type LeasingOptions } from './leases/leasing.ts';
import { Ledger, type LedgerOptions, type LedgerPod } from './ledger.ts';
import { readUsage } from './reader.ts';
import type { LedgerStore } from './store.ts';
import { readUsageQuery, UsageQueryError } from './usage-query.ts';
import { usageReport } from './usage-report.ts';

export interface LedgerSettings {
  /** Where its ConfigMaps are. */
  namespace: string;
  /** Their names begin with it. */
  name: string;
}

export interface KeepingOptions {
  client: ApiClient;
  clock: Clock;
  log: Log;
  lives: LedgerOptions['lives'];
  term: LeasingOptions['term'];
  budgetOf: LeasingOptions['budgetOf'];
  metrics: LedgerMetrics;
}

export interface LedgerMetrics {
  rows(counted: number, malformed: number): void;
  flushed(result: 'Written' | 'Failed'): void;
}

const FLUSH_MS = 5_000;

export class LedgerKeeping {
  readonly ledger: Ledger;
  readonly leasing: Leasing;
  readonly #clock: Clock;
  readonly #store: LedgerStore;
  readonly #metrics: LedgerMetrics;
  readonly #onProblem: LedgerOptions['onProblem'];
  #timer: Timer | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #stopped = false;
  #problems = 0;

  constructor(settings: LedgerSettings, options: KeepingOptions) {
    const { client, clock, log, lives, term, budgetOf, metrics } = options;
    const store = configMapStore(client, settings.namespace, settings.name);
    this.#store = store;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#onProblem = (what, error) => {
      this.#problems++;
      log.warn(
        { what, error: describeError(error) },
        'the ledger could not be read or written; rows and leases stay as they are',
      );
    };
    const onProblem = this.#onProblem;
    this.ledger = new Ledger({
      store,
      now: () => clock.wall(),
      lives,
      onProblem,
      onCounted: (pod, epoch, rows, malformed) => {
        this.leasing.counted(pod, epoch, rows);
        metrics.rows(rows.length, malformed);
      },
      onDropped: () => this.leasing.forget(),
    });
    this.leasing = new Leasing({
      ledger: this.ledger,
      escrows: new EscrowStore(store),
      budgetOf,
      term,
      lives,
      monotonic: () => clock.monotonic(),
      wall: () => clock.wall(),
      onProblem,
    });
  }

  start(leadership: Leadership): void {
    leadership.onGained(() => {
      if (!this.#stopped) this.#ticking = this.ledger.open().then(() => this.#tick());
    });
  }

  /** Counts the rows of a report, then answers what it asks of budgets. */
  async account(
    pod: LedgerPod,
    { epoch, rows, demands }: Pick<Report, 'epoch' | 'rows' | 'demands'>,
  ): Promise<Pick<ReportAnswer, 'acknowledgedSeq' | 'leases'>> {
    const acknowledgedSeq = this.ledger.accept(pod, epoch, rows);
    if (!demands || demands.length === 0) return { acknowledgedSeq };
    return { acknowledgedSeq, leases: await this.leasing.answer(pod, epoch, demands) };
  }

  /** As `outrider usage -o json` prints it. Any replica can say: it is read as it is kept. */
  async usage(query: URLSearchParams): Promise<{ json: string } | { problem: string }> {
    try {
      const words = { from: query.get('from') ?? undefined, to: query.get('to') ?? undefined };
      const list = query.get('by')?.split(',');
      const { from, to, by } = readUsageQuery({ ...words, by: list }, this.#clock.wall());
      const days = await readUsage(this.#store, from, to);
      const report = usageReport(days, { by, namespace: query.get('namespace') ?? undefined });
      return { json: `${JSON.stringify(report)}\n` };
    } catch (error) {
      if (!(error instanceof UsageQueryError)) throw error;
      return { problem: `${error.field} ${error.message}` };
    }
  }

  /** Writes what is new a last time; another replica may lead afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    // What is under way would open leases again that are closed here.
    await this.#ticking;
    await this.leasing.close();
    await this.ledger.flush();
    this.ledger.close();
  }

  async #tick(): Promise<void> {
    const before = this.#problems;
    await this.ledger.flush();
    if (this.#stopped) return;
    try {
      if (this.leasing.isOpen) await this.leasing.tick();
      else if (this.ledger.isRead) await this.leasing.open();
    } catch (error) {
      this.#onProblem('escrow', error);
    }
    this.#metrics.flushed(this.#problems === before ? 'Written' : 'Failed');
    if (this.#stopped) return;
    this.#timer = this.#clock.after(FLUSH_MS, () => {
      this.#ticking = this.#tick();
    });
  }
}
