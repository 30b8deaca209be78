/**
 * One shard in memory and in the store. What is in memory may be ahead; only what the store has is acknowledged. After a
 * write of which nobody knows the end, the store is asked. Where somebody else wrote, memory is thrown away and read again:
 * the rows that are lost with it were never acknowledged, so they come again.
 */

import { decodeShard, encodeShard } from './codec.ts';
import { copyOf, type Marks, seqOf } from './marks.ts';
import { type Charge, type LedgerRow } from './row.ts';
import { count, emptyShard, type Shard, tidy } from './shard.ts';
import type { LedgerStore } from './store.ts';

interface Unsure {
  readonly bytes: Buffer;
  readonly marks: Marks;
}

export class KeptShard {
  readonly name: string;
  readonly #store: LedgerStore;
  #shard: Shard | undefined;
  #version: string | undefined;
  #kept: Marks = new Map();
  #dirty = false;
  /** The last write, while nobody knows whether it was made. */
  #unsure: Unsure | undefined;

  constructor(name: string, store: LedgerStore) {
    this.name = name;
    this.#store = store;
  }

  /** Undefined while it is not read. */
  get shard(): Shard | undefined {
    return this.#shard;
  }

  get dirty(): boolean {
    return this.#dirty;
  }

  /** Counts rows and says up to where they are safe. 0 while it is not read: they stay where they are. */
  accept(
    pod: { uid: string; namespace: string },
    epoch: string,
    rows: readonly LedgerRow[],
    now: number,
  ): { counted: number; safe: number } {
    if (!this.#shard) return { counted: 0, safe: 0 };
    const counted = count(this.#shard, pod, epoch, rows, now);
    if (counted > 0) this.#dirty = true;
    return { counted, safe: seqOf(this.#kept, pod.uid, epoch) };
  }

  /** Changes what is kept besides rows; `change` says whether it did. */
  change(change: (shard: Shard) => boolean): void {
    if (this.#shard && change(this.#shard)) this.#dirty = true;
  }

  tidy(lives: (uid: string) => boolean, over: (charge: Charge) => boolean, now: number): void {
    if (!this.#shard) return;
    const before = this.#shard.marks.size + this.#shard.spend.size;
    tidy(this.#shard, lives, over, now);
    if (this.#shard.marks.size + this.#shard.spend.size !== before) this.#dirty = true;
  }

  /** Reads it where it is not read yet. */
  async load(): Promise<void> {
    if (this.#shard) return;
    const stored = await this.#store.read(this.name);
    this.#shard = stored ? await decodeShard(stored.bytes) : emptyShard();
    this.#version = stored?.version;
    this.#kept = copyOf(this.#shard.marks);
    this.#dirty = false;
  }

  /** Writes what is new. Throws LedgerConflict where somebody else wrote, and whatever the store throws. */
  async flush(): Promise<void> {
    await this.load();
    const shard = this.#shard;
    if (!shard) return;
    if (this.#unsure) await this.#ask(shard, this.#unsure);
    if (!this.#dirty || this.#shard !== shard) return;
    // Rows that come while it is written belong to the next write.
    this.#dirty = false;
    const marks = copyOf(shard.marks);
    const bytes = await encodeShard(shard);
    this.#unsure = { bytes, marks };
    let version: string | undefined;
    try {
      version = await this.#store.write(this.name, bytes, this.#version);
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
    this.#settle(shard, version, marks);
  }

  /** Whether the write before was made after all. */
  async #ask(shard: Shard, { bytes, marks }: Unsure): Promise<void> {
    const stored = await this.#store.read(this.name);
    if (stored?.version === this.#version) this.#unsure = undefined;
    else this.#settle(shard, stored?.bytes.equals(bytes) ? stored.version : undefined, marks);
  }

  #settle(shard: Shard, version: string | undefined, marks: Marks): void {
    // It was given up meanwhile.
    if (this.#shard !== shard) return;
    if (version === undefined) {
      this.drop();
      throw new LedgerConflict(this.name);
    }
    this.#unsure = undefined;
    this.#version = version;
    this.#kept = marks;
  }

  /** Forgets what is in memory. */
  drop(): void {
    this.#shard = undefined;
    this.#version = undefined;
    this.#kept = new Map();
    this.#unsure = undefined;
    this.#dirty = false;
  }
}

/** Another process writes the same ledger. */
export class LedgerConflict extends Error {
  constructor(name: string) {
    super(`${name} was written by somebody else`);
  }
}
