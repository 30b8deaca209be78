/**
 * Days that are over, one object each. A day is closed in three steps, each of which may be the last before a crash and is
 * safe to do again: every shard freezes it (later rows go to the next day), the sum of the frozen books is written once,
 * the shards let go of theirs. Whoever finds the sum written never makes it again: some shards may have let go already.
 */
import { Book } from './book.ts';
import { decodeBook, encodeBook } from './codec.ts';
import type { KeptShard } from './kept-shard.ts';
import { DAY_OBJECT } from './objects.ts';
import { type Day, dayOf, type Shard } from './shard.ts';
import type { LedgerStore } from './store.ts';

const DAY_MS = 86_400_000;
/** Rows of a day are waited for so long after it. */
const LATE_MS = DAY_MS;
const HISTORY_DAYS = 35;

export class History {
  readonly #store: LedgerStore;
  /** Days whose sum is written; the sum itself once it was asked for. */
  #days = new Map<Day, Book | undefined>();
  #loaded = false;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  /** What is known of other writers' work is asked for again. */
  drop(): void {
    this.#loaded = false;
    this.#days.clear();
  }

  days(): Day[] {
    return [...this.#days.keys()];
  }

  /** Undefined where the day is not closed. */
  async book(day: Day): Promise<Book | undefined> {
    if (!this.#days.has(day)) return undefined;
    const known = this.#days.get(day);
    if (known) return known;
    const stored = await this.#store.read(DAY_OBJECT + day);
    if (!stored) return undefined;
    const book = await decodeBook(stored.bytes);
    this.#days.set(day, book);
    return book;
  }

  /** Closes what is over, and forgets what is older than anybody may ask for. Throws where a shard is not read. */
  async close(shards: readonly KeptShard[], now: number): Promise<void> {
    await this.#load();
    const through = dayOf(now - DAY_MS - LATE_MS);
    const over = shards.flatMap((kept) => [...opened(kept).days.keys()].filter((day) => day <= through));
    if (over.length > 0) await this.#freeze(shards, through);
    for (const day of [...new Set(over)].sort()) {
      if (!this.#days.has(day)) await this.#write(day, shards);
      for (const kept of shards) {
        kept.change((shard) => shard.days.delete(day));
        await kept.flush();
      }
    }
    const oldest = dayOf(now - HISTORY_DAYS * DAY_MS);
    for (const day of this.days()) {
      if (day >= oldest) continue;
      await this.#store.remove(DAY_OBJECT + day);
      this.#days.delete(day);
    }
  }

  async #load(): Promise<void> {
    if (this.#loaded) return;
    const names = await this.#store.names();
    const days = names
      .filter((name) => name.startsWith(DAY_OBJECT))
      .map((name) => name.slice(DAY_OBJECT.length));
    this.#days = new Map(days.map((day) => [day, undefined]));
    this.#loaded = true;
  }

  async #freeze(shards: readonly KeptShard[], through: Day): Promise<void> {
    for (const kept of shards) {
      opened(kept);
      kept.change((shard) => {
        if (shard.closedThrough >= through) return false;
        shard.closedThrough = through;
        return true;
      });
      await kept.flush();
    }
  }

  async #write(day: Day, shards: readonly KeptShard[]): Promise<void> {
    const sum = new Book();
    for (const kept of shards) {
      const book = opened(kept).days.get(day);
      if (book) sum.addAll(book);
    }
    // Somebody else may have written it meanwhile: from the same frozen books, so it is the same.
    await this.#store.write(DAY_OBJECT + day, await encodeBook(sum), undefined);
    this.#days.set(day, sum);
  }
}

function opened({ name, shard }: KeptShard): Shard {
  if (!shard) throw new Error(`${name} is not read`);
  return shard;
}
