/** Budgets and keys that this process spends, a bounded number of them. */
import type { Charge } from '../../accounting/charge.ts';
import { type BudgetDemand, MAX_DEMANDS } from '../../snapshot/lease-messages.ts';
import { type BudgetBody, OTHER_KEY } from '../../snapshot/shapes/budgets.ts';
import { Entry, entryOf } from './entry.ts';

/** Keys beyond it share one in this process, as they do in the budget. */
const MAX_ENTRIES = 2000;
/** Idle for so long, an entry that owes nothing is forgotten. */
const FORGET_MS = 600_000;
/** Lists of charges that are kept, so that rows can share them. */
const MAX_LISTS = 4096;

export class Entries implements Iterable<Entry> {
  readonly #entries = new Map<string, Entry>();
  #lists = new Map<string, readonly Charge[]>();
  /** Where the next report begins, if not all fit into one. */
  #next = 0;

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }

  find(budget: string, key: string): Entry | undefined {
    return this.#entries.get(`${budget}\n${key}`);
  }

  of(body: BudgetBody, key: string, now: number): Entry {
    const name = `${body.id}\n${key}`;
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    if (this.#entries.size >= MAX_ENTRIES && !this.#makeRoom(now) && key !== OTHER_KEY) {
      return this.of(body, OTHER_KEY, now);
    }
    const entry = new Entry(body, key, now);
    this.#entries.set(name, entry);
    return entry;
  }

  /** The budget may have changed. */
  renew(body: BudgetBody): void {
    for (const entry of this.#entries.values()) if (entry.body.id === body.id) entry.body = body;
  }

  /** Forgets what nobody has asked for lately. */
  tidy(now: number): void {
    for (const [name, entry] of this.#entries) {
      if (entry.account.idleFor(now) > FORGET_MS && entry.account.isDone(now)) this.#forget(name, entry);
    }
  }

  /** Charges of a row that counts against several. One object as long as they are the same. */
  charges(entries: readonly Entry[], now: number, wall: () => number): readonly Charge[] {
    const list = entries.map((entry) => entry.charge(now, wall));
    let name = '';
    for (const { budget, key, window } of list) name += `${budget}\n${key}\n${window}\n`;
    const known = this.#lists.get(name);
    if (known?.every((charge, i) => charge === list[i])) return known;
    if (this.#lists.size >= MAX_LISTS) this.#lists = new Map();
    this.#lists.set(name, list);
    return list;
  }

  /** Those for whom a request waits come first; the others take turns. */
  demands(rows: readonly unknown[], waiting: ReadonlyMap<Entry, bigint>, now: number): BudgetDemand[] {
    const reporting = reportedBy(rows);
    const all = [...this.#entries.values()];
    const urgent = all.filter((entry) => waiting.has(entry) || entry.account.need > 0n);
    const others = all.length > MAX_DEMANDS ? this.#turn(all) : all;
    const chosen = new Set([...urgent, ...others].slice(0, MAX_DEMANDS));
    return [...chosen].map((entry) =>
      entry.account.demand(now, reporting.get(entry) ?? 0n, waiting.get(entry) ?? 0n),
    );
  }

  #turn(all: readonly Entry[]): Entry[] {
    const from = this.#next % all.length;
    this.#next = from + MAX_DEMANDS;
    return [...all.slice(from), ...all.slice(0, from)];
  }

  #makeRoom(now: number): boolean {
    for (const [name, entry] of this.#entries) {
      if (!entry.account.isDone(now)) continue;
      this.#forget(name, entry);
      return true;
    }
    return false;
  }

  #forget(name: string, entry: Entry): void {
    entry.forgotten = true;
    this.#entries.delete(name);
  }
}

/** What rows of a report charge each entry, in the window it is in now. */
function reportedBy(rows: readonly unknown[]): Map<Entry, bigint> {
  const sums = new Map<Entry, bigint>();
  for (const row of rows) {
    const { charges, costNanoUsd } = row as { charges?: readonly Charge[]; costNanoUsd?: string };
    if (charges === undefined || costNanoUsd === undefined) continue;
    const cost = BigInt(costNanoUsd);
    for (const charge of charges) {
      const entry = entryOf(charge);
      if (entry?.account.window === charge.window) sums.set(entry, (sums.get(entry) ?? 0n) + cost);
    }
  }
  return sums;
}
