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
  /** Of requests of the sidecar itself; empty: of apps. */
  readonly purpose: string;
}

export interface Entry extends BookKey {
  readonly amounts: Amounts;
}

/** The last is the purpose; what an earlier version wrote lacks it. */
export type WrittenEntry = readonly [string, string, string, string, string, WrittenAmounts, string?];

/** Keys of one day; with `_other`, one more. */
export const MAX_KEYS = 1_000;
const OTHER = '_other';
/** Charged here once the keys of a day are spent: the sum stays whole, who it was is not told any more. */
const REST: BookKey = {
  namespace: OTHER,
  route: OTHER,
  provider: OTHER,
  model: OTHER,
  key: OTHER,
  purpose: OTHER,
};

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
    return [...this.#entries.values()].map((entry): WrittenEntry => {
      const { namespace, route, provider, model, key, purpose } = entry;
      const amounts = writeAmounts(entry.amounts);
      return purpose === ''
        ? [namespace, route, provider, model, key, amounts]
        : [namespace, route, provider, model, key, amounts, purpose];
    });
  }

  static read(written: readonly WrittenEntry[]): Book {
    const book = new Book();
    for (const [namespace, route, provider, model, key, amounts, purpose = ''] of written) {
      // Earlier versions wrote the rest without a purpose.
      const of = key === OTHER && namespace === OTHER ? OTHER : purpose;
      book.add({ namespace, route, provider, model, key, purpose: of }, readAmounts(amounts));
    }
    return book;
  }

  #entry(key: BookKey): Entry {
    const id = idOf(key);
    const known = this.#entries.get(id);
    if (known) return known;
    if (this.#entries.size >= this.#maxKeys && id !== REST_ID) return this.#entry(REST);
    const { namespace, route, provider, model, key: whom, purpose } = key;
    const entry = { namespace, route, provider, model, key: whom, purpose, amounts: noAmounts() };
    this.#entries.set(id, entry);
    return entry;
  }
}

function idOf({ namespace, route, provider, model, key, purpose }: BookKey): string {
  // Lengths first: parts may hold whatever a pod put there.
  const lengths = `${namespace.length} ${route.length} ${provider.length} ${model.length} ${key.length}`;
  return `${lengths} ${namespace}${route}${provider}${model}${key}${purpose}`;
}

const REST_ID = idOf(REST);

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
