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
const NUMBERS = 14;
/** A row that does not say how many requests the vendor billed. */
const NOT_SAID = -1;
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
  #numbers = new Float64Array(FIRST_CAPACITY * NUMBERS);
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
    const kind = cost > MAX_COST || saved > MAX_COST ? undefined : this.#kindOf(row);
    const slot = this.#add(kind ?? row);
    if (kind === undefined) return;
    const { usage } = row;
    const numbers = this.#numbers;
    const at = slot * NUMBERS;
    this.#requests[slot] = row.request;
    this.#costs[slot] = cost;
    this.#savings[slot] = saved;
    numbers[at] = row.attempt;
    numbers[at + 1] = row.at;
    numbers[at + 2] = usage.input;
    numbers[at + 3] = usage.cacheRead;
    numbers[at + 4] = usage.audioInput;
    numbers[at + 5] = usage.output;
    numbers[at + 6] = usage.reasoning;
    numbers[at + 7] = usage.audioOutput;
    // Slots are used again, so absent kinds are written too.
    numbers[at + 8] = usage.cacheWrite5m ?? 0;
    numbers[at + 9] = usage.cacheWrite1h ?? 0;
    numbers[at + 10] = usage.audioCacheRead ?? 0;
    numbers[at + 11] = usage.imageOutput ?? 0;
    numbers[at + 12] = usage.requests ?? NOT_SAID;
    numbers[at + 13] = row.savedTokens ?? 0;
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
    const numbers = this.#numbers.subarray(slot * NUMBERS, (slot + 1) * NUMBERS);
    const [attempt, at] = numbers as unknown as [number, number];
    const usage = usageOf(numbers);
    const row: Sequenced<Row> = { ...(what as RowKind), request, attempt, at, usage, seq };
    // The id of a request of our own begins with that of the request it was made for.
    const parent = row.purpose === undefined ? undefined : parentOf(request);
    if (parent !== undefined) row.parent = parent;
    const cost = this.#costs[slot] as bigint;
    if (cost !== UNKNOWN) row.costNanoUsd = cost.toString();
    const saved = this.#savings[slot] as bigint;
    if (saved !== UNKNOWN) row.savedNanoUsd = saved.toString();
    const savedTokens = numbers[13] ?? 0;
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
    const numbers = new Float64Array(2 * before * NUMBERS);
    numbers.set(this.#numbers.subarray(this.#first * NUMBERS));
    numbers.set(this.#numbers.subarray(0, this.#first * NUMBERS), (before - this.#first) * NUMBERS);
    const moved = (amounts: BigInt64Array<ArrayBuffer>) => {
      const room = new BigInt64Array(2 * before);
      room.set(amounts.subarray(this.#first));
      room.set(amounts.subarray(0, this.#first), before - this.#first);
      return room;
    };
    this.#what = inOrder(this.#what);
    this.#requests = inOrder(this.#requests);
    this.#numbers = numbers;
    this.#costs = moved(this.#costs);
    this.#savings = moved(this.#savings);
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

/** Kinds of which there are none are left out where they may be. */
function usageOf(numbers: Float64Array): Usage {
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
  ] = numbers as unknown as Thirteen;
  // In an order of its own: numbers out of a Float64Array are boxed, and V8 would box those of all usage that is made in the same order.
  const usage: Usage = { output, reasoning, audioOutput, input, cacheRead, audioInput };
  if (w5 > 0) usage.cacheWrite5m = w5;
  if (w1 > 0) usage.cacheWrite1h = w1;
  if (audioCached > 0) usage.audioCacheRead = audioCached;
  if (images > 0) usage.imageOutput = images;
  if (requests !== NOT_SAID) usage.requests = requests;
  return usage;
}

type Six = [number, number, number, number, number, number];
type Thirteen = [...Six, ...Six, number];
