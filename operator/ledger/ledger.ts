/**
 * Usage in, sums out. Rows are counted in memory, written every few seconds, and only then acknowledged; what a crash takes
 * was not acknowledged and comes again, and what comes twice is counted once. Only the leader counts.
 */
import { hash } from 'node:crypto';
import { Book, type Entry } from './book.ts';
import { History } from './history.ts';
import { KeptShard, LedgerConflict } from './kept-shard.ts';
import { SHARD_OBJECT } from './objects.ts';
import { type Charge, type LedgerRow, readRow } from './row.ts';
import { type Day, spendKey } from './shard.ts';
import type { LedgerStore } from './store.ts';

export interface LedgerOptions {
  readonly store: LedgerStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether the pod still exists. */
  readonly lives: (uid: string) => boolean;
  /** Whether nobody will ask for the window of the charge any more. */
  readonly over?: (charge: Charge) => boolean;
  readonly onProblem: (what: string, error: unknown) => void;
  readonly onCounted?: (pod: LedgerPod, epoch: string, rows: readonly LedgerRow[], malformed: number) => void;
  /** What is counted in memory was given up; what was not written will come again. */
  readonly onDropped?: () => void;
}

export interface LedgerPod {
  readonly uid: string;
  readonly namespace: string;
}

/** Writes of a busy fleet are spread over so many objects. Never changed: a pod's mark is where its uid says. */
export const SHARDS = 8;
const WINDOW_MS = 63 * 86_400_000;

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #shards: readonly KeptShard[];
  readonly #history: History;
  #flushing = Promise.resolve();
  #open = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#shards = Array.from({ length: SHARDS }, (_, i) => new KeptShard(SHARD_OBJECT + i, options.store));
    this.#history = new History(options.store);
  }

  /** Begins to count, from what is kept: this replica leads now. */
  open(): Promise<void> {
    this.#open = true;
    return this.flush();
  }

  /** Another replica counts: what was not written is not ours any more. */
  close(): void {
    this.#open = false;
    this.#drop();
  }

  /**
   * Counts what a pod reports and says up to which sequence number it is safe: that may be less than what it sent, and more
   * than it was told before.
   */
  accept(pod: LedgerPod, epoch: string, values: readonly unknown[]): number {
    if (!this.#open) return 0;
    const rows: LedgerRow[] = [];
    let last = 0;
    let disordered = false;
    for (const value of values) {
      const row = readRow(value);
      if (!row) continue;
      disordered ||= row.seq <= last;
      last = row.seq;
      rows.push(row);
    }
    if (disordered) rows.sort((a, b) => a.seq - b.seq);
    const shard = this.#shardOf(pod.uid);
    const { counted, safe } = shard.accept(pod, epoch, rows, this.#options.now());
    const malformed = values.length - rows.length;
    if (counted + malformed > 0) {
      const fresh = counted > 0 ? rows.slice(rows.length - counted) : [];
      this.#options.onCounted?.(pod, epoch, fresh, malformed);
    }
    return safe;
  }

  /** Writes what is new by now; one write per shard at most. Never throws: what was not written is tried again. */
  flush(): Promise<void> {
    // One that is under way may have missed what came last.
    this.#flushing = this.#flushing.then(() => this.#flush());
    return this.#flushing;
  }

  /** Whether everything that was kept is read. */
  get isRead(): boolean {
    return this.#shards.every(({ shard }) => shard !== undefined);
  }

  /** Nano-USD that is counted against the charge; undefined while it is not known in whole. */
  spent(charge: Charge): bigint | undefined {
    const name = spendKey(charge);
    let sum = 0n;
    for (const { shard } of this.#shards) {
      if (!shard) return undefined;
      sum += shard.spend.get(name) ?? 0n;
    }
    return sum;
  }

  /** Every charge that anything was counted against. */
  *charges(): Generator<[name: string, nanoUsd: bigint]> {
    for (const { shard } of this.#shards) if (shard) yield* shard.spend;
  }

  /** Days that are known, oldest first. */
  days(): Day[] {
    const open = this.#shards.flatMap(({ shard }) => [...(shard?.days.keys() ?? [])]);
    return [...new Set([...open, ...this.#history.days()])].sort();
  }

  /** What was used on a day; undefined while shards of an open day are not read. */
  async usage(day: Day): Promise<Entry[] | undefined> {
    const closed = await this.#history.book(day);
    if (closed) return [...closed.entries()];
    const sum = new Book();
    for (const { shard } of this.#shards) {
      if (!shard) return undefined;
      const book = shard.days.get(day);
      if (book) sum.addAll(book);
    }
    return [...sum.entries()];
  }

  #shardOf(uid: string): KeptShard {
    return this.#shards[shardOf(uid)] as KeptShard;
  }

  async #flush(): Promise<void> {
    const { now, lives } = this.#options;
    const over = this.#options.over ?? ((charge) => charge.window * 1000 < now() - WINDOW_MS);
    let whole = true;
    for (const shard of this.#shards) {
      if (!this.#open) return;
      try {
        shard.tidy(lives, over, now());
        await shard.flush();
      } catch (error) {
        whole = false;
        this.#failed(shard.name, error);
      }
    }
    if (!whole || !this.#open) return;
    try {
      await this.#history.close(this.#shards, now());
    } catch (error) {
      this.#failed('history', error);
    }
  }

  #failed(what: string, error: unknown): void {
    // Who wrote one shard may have written them all.
    if (error instanceof LedgerConflict) this.#drop();
    this.#options.onProblem(what, error);
  }

  #drop(): void {
    for (const shard of this.#shards) shard.drop();
    this.#history.drop();
    this.#options.onDropped?.();
  }
}

function shardOf(uid: string): number {
  return Number.parseInt(hash('sha256', uid, 'hex').slice(0, 8), 16) % SHARDS;
}
