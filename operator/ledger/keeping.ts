/** Runs the ledger: it counts from when this replica leads, and writes every few seconds what is new. */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import type { Leadership } from '../leader/leadership.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { describeError, type Log } from '../watch/log.ts';
import { configMapStore } from './config-map-store.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';

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
  metrics: LedgerMetrics;
}

export interface LedgerMetrics {
  rows(counted: number, malformed: number): void;
  flushed(result: 'Written' | 'Failed'): void;
}

const FLUSH_MS = 5_000;

export class LedgerKeeping {
  readonly ledger: Ledger;
  readonly #clock: Clock;
  readonly #metrics: LedgerMetrics;
  #timer: Timer | undefined;
  #problems = 0;

  constructor(settings: LedgerSettings, { client, clock, log, lives, metrics }: KeepingOptions) {
    this.#clock = clock;
    this.ledger = new Ledger({
      store: configMapStore(client, settings.namespace, settings.name),
      now: () => clock.wall(),
      lives,
      onProblem: (what, error) => {
        this.#problems++;
        log.warn(
          { what, error: describeError(error) },
          'the ledger was not written; rows stay with their sidecars',
        );
      },
      onCounted: (rows, malformed) => metrics.rows(rows.length, malformed),
    });
    this.#metrics = metrics;
  }

  start(leadership: Leadership): void {
    leadership.onGained(() => {
      void this.ledger.open();
      this.#again();
    });
  }

  /** Writes what is new a last time; another replica may lead afterwards. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.ledger.flush();
    this.ledger.close();
  }

  #again(): void {
    this.#timer = this.#clock.after(FLUSH_MS, () => {
      const before = this.#problems;
      void this.ledger.flush().then(() => {
        this.#metrics.flushed(this.#problems === before ? 'Written' : 'Failed');
        this.#again();
        return undefined;
      });
    });
  }
}
