/**
 * Valkey or Redis: a string for each content, and a set of their names. A process has a slot of its own, held by a key that runs out
 * unless it is renewed; who begins takes the first slot that nobody holds, with all that an earlier process left there.
 */
import { randomUUID } from 'node:crypto';
import { OutriderError } from '../../../errors/table.ts';
import { StoreBreaker } from '../../cache/shared/store-breaker.ts';
import type { Clock } from '../../snapshot/clock.ts';
import type { Growing, Medium } from './medium.ts';
import { Slot } from './slot.ts';
import { connectStore, type Store, type StoreOptions } from './store-connection.ts';

export interface StoreMediumOptions extends StoreOptions {
  /** Who shares the slots, such as `namespace/workload`. */
  scope: string;
  clock: Clock;
  warn: (message: string) => void;
}

const SLOTS = 1024;
const RETRY_MS = 1000;
const FAILURES = 3;
/** Twice as long as anything is kept: what nobody takes up again goes by itself. */
const KEPT_MS = 62 * 24 * 3_600_000;

/** Throws where the store does not answer, or has no slot left. */
export async function openStore({ scope, clock, warn, ...options }: StoreMediumOptions): Promise<Medium> {
  const store = await connectStore(options);
  const owner = randomUUID();
  try {
    for (let i = 0; i < SLOTS; i++) {
      const base = `outrider:spool:1:${scope}:${i}`;
      const slot = new Slot({ store, clock, warn, key: `${base}:owner`, owner });
      if (!(await slot.take())) continue;
      return new StoreMedium({ store, clock, warn, slot, base });
    }
    throw new Error(`all ${SLOTS} slots of ${scope} are taken`);
  } catch (error) {
    store.close();
    throw error;
  }
}

interface MediumParts {
  store: Store;
  clock: Clock;
  warn: (message: string) => void;
  slot: Slot;
  base: string;
}

class StoreMedium implements Medium {
  readonly label: string;
  readonly #parts: MediumParts;
  readonly #breaker: StoreBreaker;
  readonly #index: string;
  readonly #named = new Set<string>();
  /** Whether what an earlier process left is among the named. */
  #listed = false;

  constructor(parts: MediumParts) {
    const { store, clock, warn, base } = parts;
    this.#parts = parts;
    this.label = base;
    this.#index = `${base}:names`;
    this.#breaker = new StoreBreaker({
      clock,
      failures: FAILURES,
      probe: () => store.ping(),
      onChange: (open) => {
        if (open) store.reset();
        warn(open ? `${base} does not answer; batches rest` : `${base} answers again`);
      },
    });
  }

  async list(): Promise<{ name: string; bytes: number }[]> {
    const names = await this.#ask((store) => store.members(this.#index));
    const found: { name: string; bytes: number }[] = [];
    for (const name of names) {
      this.#named.add(name);
      const bytes = await this.size(name);
      if (bytes > 0) found.push({ name, bytes });
      else await this.remove(name);
    }
    this.#listed = true;
    return found;
  }

  read(name: string, position: number, length: number): Promise<Buffer> {
    return this.#ask((store) => store.range(this.#key(name), position, position + length - 1));
  }

  size(name: string): Promise<number> {
    return this.#ask((store) => store.length(this.#key(name)));
  }

  async replace(name: string, content: string | Buffer): Promise<void> {
    await this.#name(name);
    await this.#ask((store) => store.set(this.#key(name), Buffer.from(content), KEPT_MS));
  }

  async grow(name: string, length: number): Promise<Growing> {
    await this.#name(name);
    await this.#cut(name, length);
    return new GrowingString(
      length,
      async (at, bytes) => {
        await this.#ask((store) => store.put(this.#key(name), at, bytes, at === 0 ? KEPT_MS : undefined));
      },
      (to) => this.#cut(name, to),
    );
  }

  /** The content first: a name without one is tidied up by whoever comes next. */
  async remove(name: string): Promise<void> {
    if (this.#listed && !this.#named.has(name)) return;
    await this.#ask((store) => store.remove(this.#key(name)));
    await this.#ask((store) => store.forget(this.#index, name));
    this.#named.delete(name);
  }

  onLost(lost: () => void): void {
    this.#parts.slot.onLost(lost);
  }

  async close(): Promise<void> {
    const { slot, store } = this.#parts;
    this.#breaker.close();
    await slot.release();
    store.close();
  }

  /** The name first: a content that nobody knows of would stay for ever. */
  async #name(name: string): Promise<void> {
    if (this.#named.has(name)) return;
    await this.#ask((store) => store.add(this.#index, name));
    this.#named.add(name);
  }

  async #cut(name: string, length: number): Promise<void> {
    if ((await this.size(name)) <= length) return;
    const kept = length === 0 ? Buffer.alloc(0) : await this.read(name, 0, length);
    await this.#ask((store) => store.set(this.#key(name), kept, KEPT_MS));
  }

  /** Nothing is written by whom somebody else may have followed. */
  async #ask<T>(ask: (store: Store) => Promise<T>): Promise<T> {
    const { slot, store } = this.#parts;
    if (!slot.held || this.#breaker.open) throw new OutriderError('spool_unusable', {}, RETRY_MS);
    try {
      const answer = await ask(store);
      this.#breaker.succeeded();
      return answer;
    } catch (error) {
      this.#breaker.failed();
      this.#parts.warn(`${this.label}: ${(error as Error).message}`);
      throw new OutriderError('spool_unusable', {}, RETRY_MS);
    }
  }

  #key(name: string): string {
    return `${this.#parts.base}:${name}`;
  }
}

/** Each piece is put where it belongs, so that one that was sent twice is there once. */
class GrowingString implements Growing {
  readonly #put: (at: number, bytes: Buffer) => Promise<void>;
  readonly #cut: (length: number) => Promise<void>;
  #length: number;
  /** Nobody knows whether the last piece came to be there. */
  #unsure = false;

  constructor(
    length: number,
    put: (at: number, bytes: Buffer) => Promise<void>,
    cut: (length: number) => Promise<void>,
  ) {
    this.#length = length;
    this.#put = put;
    this.#cut = cut;
  }

  get length(): number {
    return this.#length;
  }

  async append(bytes: Buffer): Promise<void> {
    if (this.#unsure) await this.#cut(this.#length);
    this.#unsure = true;
    await this.#put(this.#length, bytes);
    this.#unsure = false;
    this.#length += bytes.length;
  }

  /** The store keeps it as it was told to. */
  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
