/** The ledger as it is kept, for whoever may read it; writes nothing. */
import { Book, type Entry } from './book.ts';
import { decodeBook, decodeShard } from './codec.ts';
import { DAY_OBJECT, SHARD_OBJECT } from './objects.ts';
import type { Day } from './shard.ts';
import type { LedgerStore } from './store.ts';

export interface DayUsage {
  readonly day: Day;
  readonly entries: readonly Entry[];
}

/** Days from `from` to `to`, both of them included, oldest first; days without usage are left out. */
export async function readUsage(store: LedgerStore, from: Day, to: Day): Promise<DayUsage[]> {
  const within = (day: Day) => day >= from && day <= to;
  const names = await store.names();
  // Shards before days: a day may be closed meanwhile, and then its sum is there before any shard lets go of its book.
  const open: [Day, Book][] = [];
  for (const name of names.filter((one) => one.startsWith(SHARD_OBJECT))) {
    const stored = await store.read(name);
    if (stored) open.push(...(await decodeShard(stored.bytes)).days);
  }
  const days = new Map<Day, Book>();
  for (const day of (await store.names()).flatMap(dayIn).filter(within)) {
    const stored = await store.read(DAY_OBJECT + day);
    if (stored) days.set(day, await decodeBook(stored.bytes));
  }
  const closed = new Set(days.keys());
  for (const [day, book] of open) {
    // The sum of a closed day has the books of all shards in it.
    if (closed.has(day) || !within(day)) continue;
    const sum = days.get(day) ?? new Book();
    sum.addAll(book);
    days.set(day, sum);
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, book]) => ({ day, entries: [...book.entries()] }));
}

const dayIn = (name: string): Day[] => (name.startsWith(DAY_OBJECT) ? [name.slice(DAY_OBJECT.length)] : []);
