/** Sums by whom they are charged to, for one day. Bounded: what comes after the last free key shares one. */
import {
  type Amounts,
  addAmounts,
  noAmounts,
  readAmounts,
  type WrittenAmounts,
  writeAmounts,
} from './amounts.ts';

export interface BookKey {
  /** Of the pod, as its identity says. */
  readonly namespace: string;
  readonly route: string;
  readonly provider: string;
  readonly model: string;
  readonly key: string;
}

export interface Entry extends BookKey {
  readonly amounts: Amounts;
}

export type WrittenEntry = readonly [string, string, string, string, string, WrittenAmounts];

/** Keys of one day; with `_other`, one more. */
export const MAX_KEYS = 1_000;
const OTHER = '_other';
/** Charged here once the keys of a day are spent: the sum stays whole, who it was is not told any more. */
const REST: BookKey = { namespace: OTHER, route: OTHER, provider: OTHER, model: OTHER, key: OTHER };

export class Book {
  readonly #entries = new Map<string, Entry>();
  readonly #maxKeys: number;

  constructor(maxKeys: number = MAX_KEYS) {
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  add(key: BookKey, amounts: Parameters<typeof addAmounts>[1]): void {
    addAmounts(this.#entry(key).amounts, amounts);
  }

  addAll(other: Book): void {
    for (const entry of other.entries()) this.add(entry, entry.amounts);
  }

  /** The largest sums stay, what is left over shares `_other`. */
  reduced(maxKeys: number): Book {
    const byCost = [...this.#entries.values()].sort((a, b) => compare(b.amounts.nanoUsd, a.amounts.nanoUsd));
    const book = new Book(maxKeys);
    for (const entry of byCost) book.add(entry, entry.amounts);
    return book;
  }

  written(): WrittenEntry[] {
    return [...this.#entries.values()].map(({ namespace, route, provider, model, key, amounts }) => [
      namespace,
      route,
      provider,
      model,
      key,
      writeAmounts(amounts),
    ]);
  }

  static read(written: readonly WrittenEntry[]): Book {
    const book = new Book();
    for (const [namespace, route, provider, model, key, amounts] of written) {
      book.add({ namespace, route, provider, model, key }, readAmounts(amounts));
    }
    return book;
  }

  #entry(key: BookKey): Entry {
    const id = idOf(key);
    const known = this.#entries.get(id);
    if (known) return known;
    if (this.#entries.size >= this.#maxKeys && id !== REST_ID) return this.#entry(REST);
    const { namespace, route, provider, model, key: whom } = key;
    const entry = { namespace, route, provider, model, key: whom, amounts: noAmounts() };
    this.#entries.set(id, entry);
    return entry;
  }
}

function idOf({ namespace, route, provider, model, key }: BookKey): string {
  return JSON.stringify([namespace, route, provider, model, key]);
}

const REST_ID = idOf(REST);

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
