/**
 * Rows of the ledger, packed: numbers in arrays that the garbage collector does not look into, and what most rows have in
 * common as one shared object. Thousands of small trees that live for a while are what a collector is worst at, and
 * most of the heap of a busy sidecar would be rows.
 */
import { parentOf } from '../internal/internal-rule.ts';
import type { Charge } from './charge.ts';
import type { Row, Sequenced, TotalRow } from './rows.ts';
import type { Usage } from './usage.ts';

/** What rows of one kind of call share: everything but request, time and numbers. */
export type RowKind = Omit<
  Row,
  'request' | 'parent' | 'attempt' | 'at' | 'usage' | 'costNanoUsd' | 'savedNanoUsd' | 'savedTokens'
>;

/** Different kinds that are kept apart; callers can invent models, so there may be many. */
const MAX_KINDS = 4096;
/** Kinds of a spool that ran empty; more are forgotten then. */
const LASTING_KINDS = 256;
const FIRST_CAPACITY = 64;
/** Of each row, 32 bits each: `countsOf`. */
const COUNTS = 13;
/** More than a count can be; a row that does not say how many requests the vendor billed. */
const NOT_SAID = 2 ** 32 - 1;
const UNKNOWN = -1n;
const MAX_COST = 2n ** 63n - 1n;

type Branch = Map<string | readonly Charge[] | undefined, Branch | RowKind>;

/** A queue of rows with consecutive sequence numbers. Grows by doubling and never shrinks. */
export class PackedRows {
  length = 0;
  #first = 0;
  #firstSeq = 1;
  #capacity = FIRST_CAPACITY;
  /** By slot: the kind of a packed row, or a row that is kept as it is. */
  #what: (RowKind | TotalRow | Row | undefined)[] = Array.from({ length: FIRST_CAPACITY });
  #requests: (string | undefined)[] = Array.from({ length: FIRST_CAPACITY });
  #times = new Float64Array(FIRST_CAPACITY);
  #counts = new Uint32Array(FIRST_CAPACITY * COUNTS);
  #costs = new BigInt64Array(FIRST_CAPACITY);
  #savings = new BigInt64Array(FIRST_CAPACITY);
  #kinds: Branch = new Map();
  #kindCount = 0;

  /** Sequence number of the oldest row. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Of the newest. */
  get lastSeq(): number {
    return this.#firstSeq + this.length - 1;
  }

  push(row: Row): void {
    const cost = row.costNanoUsd === undefined ? UNKNOWN : BigInt(row.costNanoUsd);
    const saved = row.savedNanoUsd === undefined ? UNKNOWN : BigInt(row.savedNanoUsd);
    const counts = countsOf(row);
    const { requests = 0 } = row.usage;
    const fits = cost <= MAX_COST && saved <= MAX_COST && counts.every(isCount) && isCount(requests);
    const kind = fits ? this.#kindOf(row) : undefined;
    const slot = this.#add(kind ?? row);
    if (kind === undefined) return;
    this.#requests[slot] = row.request;
    this.#costs[slot] = cost;
    this.#savings[slot] = saved;
    this.#times[slot] = row.at;
    this.#counts.set(counts, slot * COUNTS);
    this.#counts[slot * COUNTS + COUNTS - 1] = row.usage.requests ?? NOT_SAID;
  }

  pushTotal(total: TotalRow): void {
    this.#add(total);
  }

  /** The row `index` places behind the oldest. */
  at(index: number): Sequenced<Row | TotalRow> {
    const slot = (this.#first + index) % this.#capacity;
    const seq = this.#firstSeq + index;
    const what = this.#what[slot] as RowKind | TotalRow | Row;
    const request = this.#requests[slot];
    if (request === undefined) return { ...(what as TotalRow | Row), seq };
    const counts = this.#counts.subarray(slot * COUNTS, (slot + 1) * COUNTS);
    const [attempt = 0, savedTokens = 0] = counts;
    const at = this.#times[slot] as number;
    const row: Sequenced<Row> = { ...(what as RowKind), request, attempt, at, usage: usageOf(counts), seq };
    // The id of a request of our own begins with that of the request it was made for.
    const parent = row.purpose === undefined ? undefined : parentOf(request);
    if (parent !== undefined) row.parent = parent;
    const cost = this.#costs[slot] as bigint;
    if (cost !== UNKNOWN) row.costNanoUsd = cost.toString();
    const saved = this.#savings[slot] as bigint;
    if (saved !== UNKNOWN) row.savedNanoUsd = saved.toString();
    if (savedTokens > 0) row.savedTokens = savedTokens;
    return row;
  }

  /** What that row charges, and how much. */
  charged(index: number): { charges: readonly Charge[]; nanoUsd: bigint } | undefined {
    const slot = (this.#first + index) % this.#capacity;
    const what = this.#what[slot] as RowKind | TotalRow | Row;
    const { charges } = what;
    if (charges === undefined) return undefined;
    if (this.#requests[slot] === undefined) {
      const { costNanoUsd } = what as TotalRow | Row;
      return costNanoUsd === undefined ? undefined : { charges, nanoUsd: BigInt(costNanoUsd) };
    }
    const nanoUsd = this.#costs[slot] as bigint;
    return nanoUsd === UNKNOWN ? undefined : { charges, nanoUsd };
  }

  /** Forgets the oldest `count` rows. */
  drop(count: number): void {
    for (let i = 0; i < count; i++) {
      const slot = (this.#first + i) % this.#capacity;
      this.#what[slot] = undefined;
      this.#requests[slot] = undefined;
    }
    this.#first = (this.#first + count) % this.#capacity;
    this.#firstSeq += count;
    this.length -= count;
    if (this.length === 0 && this.#kindCount > LASTING_KINDS) {
      this.#kinds = new Map();
      this.#kindCount = 0;
    }
  }

  #add(what: RowKind | TotalRow | Row): number {
    if (this.length === this.#capacity) this.#grow();
    const slot = (this.#first + this.length++) % this.#capacity;
    this.#what[slot] = what;
    return slot;
  }

  #grow(): void {
    const before = this.#capacity;
    const inOrder = <T>(list: readonly T[]): T[] => [
      ...list.slice(this.#first),
      ...list.slice(0, this.#first),
      ...Array.from<T>({ length: before }),
    ];
    const moved = <T extends Uint32Array | Float64Array | BigInt64Array>(list: T, room: T, each = 1): T => {
      room.set(list.subarray(this.#first * each) as never);
      room.set(list.subarray(0, this.#first * each) as never, (before - this.#first) * each);
      return room;
    };
    this.#what = inOrder(this.#what);
    this.#requests = inOrder(this.#requests);
    this.#times = moved(this.#times, new Float64Array(2 * before));
    this.#counts = moved(this.#counts, new Uint32Array(2 * before * COUNTS), COUNTS);
    this.#costs = moved(this.#costs, new BigInt64Array(2 * before));
    this.#savings = moved(this.#savings, new BigInt64Array(2 * before));
    this.#capacity = 2 * before;
    this.#first = 0;
  }

  /** The shared object of a row's kind, found from field to field; undefined when there are too many kinds. */
  #kindOf(row: Row): RowKind | undefined {
    const path = [
      row.model,
      row.target,
      row.rule,
      row.route,
      row.provider,
      row.credential,
      row.operation,
      row.purpose,
      row.experiment,
      row.arm,
      row.kind,
      row.outcome,
      row.failure,
      row.serviceTier,
      row.charges,
      row.key,
      row.source,
    ];
    let branch = this.#kinds;
    const last = path.length - 1;
    for (let i = 0; i < last; i++) {
      let next = branch.get(path[i]) as Branch | undefined;
      if (next === undefined) {
        if (this.#kindCount >= MAX_KINDS) return undefined;
        branch.set(path[i], (next = new Map()));
      }
      branch = next;
    }
    let found = branch.get(path[last]) as RowKind | undefined;
    if (found === undefined) {
      if (this.#kindCount >= MAX_KINDS) return undefined;
      this.#kindCount++;
      const { request: _r, parent: _p, attempt: _a, at: _t, usage: _u, ...rest } = row;
      const { costNanoUsd: _c, savedNanoUsd: _s, savedTokens: _k, ...shared } = rest;
      branch.set(path[last], (found = shared));
    }
    return found;
  }
}

/** All counts of a row but the last, in their places; slots are used again, so absent kinds are written too. */
function countsOf({ attempt, savedTokens, usage }: Row): number[] {
  const { input, cacheRead, audioInput, output, reasoning, audioOutput } = usage;
  const { cacheWrite5m = 0, cacheWrite1h = 0, audioCacheRead = 0, imageOutput = 0 } = usage;
  const sums = [input, cacheRead, audioInput, output, reasoning, audioOutput];
  return [attempt, savedTokens ?? 0, ...sums, cacheWrite5m, cacheWrite1h, audioCacheRead, imageOutput];
}

const isCount = (count: number): boolean => count >>> 0 === count && count !== NOT_SAID;

/** Kinds of which there are none are left out where they may be. */
function usageOf(counts: Uint32Array): Usage {
  const [
    ,
    ,
    input,
    cacheRead,
    audioInput,
    output,
    reasoning,
    audioOutput,
    w5,
    w1,
    audioCached,
    images,
    requests,
  ] = counts as unknown as Thirteen;
  const usage: Usage = { input, cacheRead, audioInput, output, reasoning, audioOutput };
  if (w5 > 0) usage.cacheWrite5m = w5;
  if (w1 > 0) usage.cacheWrite1h = w1;
  if (audioCached > 0) usage.audioCacheRead = audioCached;
  if (images > 0) usage.imageOutput = images;
  if (requests !== NOT_SAID) usage.requests = requests;
  return usage;
}

type Six = [number, number, number, number, number, number];
type Thirteen = [...Six, ...Six, number];
