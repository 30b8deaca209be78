/**
 * What is kept of one share of the pods: up to where their rows are counted, and the sums of those rows. Both are in one
 * object and so in one write: a row is counted exactly if its mark says so, wherever a crash falls.
 */
import { Book } from './book.ts';
import { forget, type Marks, raise, seqOf } from './marks.ts';
import type { Charge, LedgerRow } from './row.ts';

/** `YYYY-MM-DD`, UTC. */
export type Day = string;

export interface Shard {
  readonly marks: Marks;
  /** Days that are still open. */
  readonly days: Map<Day, Book>;
  /** Last day whose sums are kept elsewhere; what comes later for it or a day before is booked on the first open one. */
  closedThrough: Day;
  /** Nano-USD by budget, key and window. */
  readonly spend: Map<string, bigint>;
}

export const emptyShard = (): Shard => ({
  marks: new Map(),
  days: new Map(),
  closedThrough: '',
  spend: new Map(),
});

const DAY_MS = 86_400_000;
/** A mark outlives its pod by this. */
const MARK_MS = DAY_MS;

/** Nearly all rows are of one day. */
let known = { number: 0, day: '1970-01-01' };

export function dayOf(ms: number): Day {
  const number = Math.floor(ms / DAY_MS);
  if (known.number !== number) known = { number, day: new Date(ms).toISOString().slice(0, 10) };
  return known.day;
}

/** Name of what was spent of a budget by one key in one window. */
export const spendKey = ({ budget, key, window }: Charge): string => JSON.stringify([budget, key, window]);

export const chargeOf = (name: string): Charge => {
  const [budget, key, window] = JSON.parse(name) as [string, string, number];
  return { budget, key, window };
};

/** Counts what was not counted before; the rows are in order. Returns how many were new. */
export function count(
  shard: Shard,
  pod: { uid: string; namespace: string },
  epoch: string,
  rows: readonly LedgerRow[],
  now: number,
): number {
  let counted = 0;
  let seq = seqOf(shard.marks, pod.uid, epoch);
  for (const row of rows) {
    if (row.seq <= seq) continue;
    seq = row.seq;
    counted++;
    bookOf(shard, row.at, now).add(
      {
        namespace: pod.namespace,
        route: row.route,
        provider: row.provider,
        model: row.model,
        key: row.key,
        purpose: row.purpose,
      },
      row,
    );
    for (const charge of row.charges) {
      const name = spendKey(charge);
      shard.spend.set(name, (shard.spend.get(name) ?? 0n) + row.nanoUsd);
    }
  }
  if (counted > 0) raise(shard.marks, pod.uid, epoch, seq, now);
  return counted;
}

/** A pod's clock may be wrong: no row is of tomorrow, and none of a day that is closed. */
function bookOf(shard: Shard, at: number, now: number): Book {
  let day = dayOf(Math.min(at, now));
  if (day <= shard.closedThrough) day = dayOf(Date.parse(shard.closedThrough) + DAY_MS);
  let book = shard.days.get(day);
  if (!book) shard.days.set(day, (book = new Book()));
  return book;
}

/** Lets go of pods that are gone and of windows that `over` says nobody asks for any more. */
export function tidy(
  shard: Shard,
  lives: (uid: string) => boolean,
  over: (charge: Charge) => boolean,
  now: number,
): void {
  forget(shard.marks, lives, now - MARK_MS);
  for (const name of shard.spend.keys()) if (over(chargeOf(name))) shard.spend.delete(name);
}
