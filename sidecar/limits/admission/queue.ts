/**
 * Requests that wait for headroom. The most important class goes first, and within a class the rules take turns. Of one rule
 * the oldest goes first, until it has waited half of its time: then there is more than can be served in time, and the newest goes
 * first, so that some are served while they still can be. Where the queue is full, the newest of the least important class
 * leaves it. Whoever is asked and lacks room keeps a claim on it, which those who come later do not overtake.
 *
 * Nothing here waits longer than its deadline, and what waits holds its memory in the memory budget. Times are monotonic
 * milliseconds.
 */
import type { Clock, Timer } from '../../snapshot/clock.ts';
import { PRIORITY_CLASSES } from '../../snapshot/shapes/limits.ts';

/** A request that waits. Exactly one of `goOn` (with true), `expired` and `shed` ends its waiting, unless it leaves. */
export interface Waiting {
  /** Number of its class, 0 the most important. */
  readonly priority: number;
  /** What takes turns: its rule. */
  readonly group: object;
  readonly since: number;
  readonly deadline: number;
  /** Held for it. */
  readonly bytes: number;
  /** Goes on where it can; else when it may be able to. */
  goOn(now: number): true | { until: number };
  expired(freeInMs: number, now: number): void;
  shed(freeInMs: number, now: number): void;
}

export interface QueueOptions {
  readonly clock: Clock;
  /** Forgets all claims. */
  readonly unclaim: () => void;
  readonly maxWaiting?: number;
  readonly maxBytes: number;
}

const MAX_WAITING = 1024;
/** However soon something may be free, it is not looked for more often. */
const SOONEST_MS = 10;
/** Where nobody knows. */
const UNKNOWN_MS = 1000;

type Groups = Map<object, Waiting[]>;

export class AdmissionQueue {
  readonly #o: Required<QueueOptions>;
  readonly #classes: readonly Groups[] = PRIORITY_CLASSES.map(() => new Map());
  #size = 0;
  #bytes = 0;
  #timer: Timer | undefined = undefined;
  #nextFree = Number.POSITIVE_INFINITY;
  #scheduled = false;
  #passing = false;

  constructor(options: QueueOptions) {
    this.#o = { maxWaiting: MAX_WAITING, ...options };
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of one class. */
  waiting(priority: number): number {
    let count = 0;
    for (const list of this.#classes[priority]?.values() ?? []) count += list.length;
    return count;
  }

  /** It could not go on before `until`. False: the queue is full of requests that are as important, or more. */
  add(waiting: Waiting, until: number): boolean {
    while (this.#size >= this.#o.maxWaiting || this.#bytes + waiting.bytes > this.#o.maxBytes) {
      const least = this.#leastImportant();
      if (least === undefined || least.priority <= waiting.priority) return false;
      this.#remove(least);
      const now = this.#o.clock.monotonic();
      least.shed(this.#freeIn(now), now);
    }
    const groups = this.#classes[waiting.priority] as Groups;
    const list = groups.get(waiting.group);
    if (list) list.push(waiting);
    else groups.set(waiting.group, [waiting]);
    this.#size++;
    this.#bytes += waiting.bytes;
    this.#wakeBy(until);
    return true;
  }

  /** Its caller has gone, or it has gone on. */
  leave(waiting: Waiting): void {
    // What it laid claim to is free for others.
    if (this.#remove(waiting)) this.freed();
  }

  #remove(waiting: Waiting): boolean {
    const groups = this.#classes[waiting.priority] as Groups;
    const list = groups.get(waiting.group);
    const at = list?.indexOf(waiting) ?? -1;
    if (list === undefined || at < 0) return false;
    list.splice(at, 1);
    if (list.length === 0) groups.delete(waiting.group);
    this.#size--;
    this.#bytes -= waiting.bytes;
    return true;
  }

  /** There may be room now. Whoever ends a call still has things to say of it, so those who wait are asked right after. */
  freed(): void {
    if (this.#scheduled || this.#timer === undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pass();
    });
  }

  #pass(): void {
    if (this.#passing) return;
    this.#passing = true;
    const now = this.#o.clock.monotonic();
    this.#expire(now);
    this.#nextFree = Number.POSITIVE_INFINITY;
    this.#o.unclaim();
    for (const groups of this.#classes) this.#passClass(groups, now);
    this.#passing = false;
    this.#schedule(now);
  }

  /** In turns, until of every group the first has no room. */
  #passClass(groups: Groups, now: number): void {
    let left = [...groups.keys()];
    while (left.length > 0) {
      const further: object[] = [];
      for (const group of left) {
        const list = groups.get(group);
        const first = list && firstOf(list, now);
        if (first === undefined) continue;
        const went = first.goOn(now);
        if (went === true) {
          this.#remove(first);
          // The next pass begins with those that have had no turn in this one.
          const rest = groups.get(group);
          if (rest) {
            groups.delete(group);
            groups.set(group, rest);
            further.push(group);
          }
        } else {
          this.#nextFree = Math.min(this.#nextFree, went.until);
        }
      }
      left = further;
    }
  }

  #expire(now: number): void {
    for (const one of this.#everyone()) {
      if (now < one.deadline) continue;
      this.#remove(one);
      one.expired(this.#freeIn(now), now);
    }
  }

  #freeIn(now: number): number {
    return Number.isFinite(this.#nextFree) ? Math.max(1, this.#nextFree - now) : UNKNOWN_MS;
  }

  #leastImportant(): Waiting | undefined {
    for (let priority = this.#classes.length - 1; priority >= 0; priority--) {
      let newest: Waiting | undefined;
      for (const list of this.#classes[priority]?.values() ?? []) {
        const last = list.at(-1);
        if (last && (newest === undefined || last.since >= newest.since)) newest = last;
      }
      if (newest) return newest;
    }
    return undefined;
  }

  #everyone(): Waiting[] {
    return this.#classes.flatMap((groups) => [...groups.values()].flat());
  }

  #wakeBy(until: number): void {
    this.#nextFree = Math.min(this.#nextFree, until);
    this.#schedule(this.#o.clock.monotonic());
  }

  #schedule(now: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#size === 0) return;
    let at = this.#nextFree;
    for (const groups of this.#classes)
      for (const list of groups.values()) for (const { deadline } of list) at = Math.min(at, deadline);
    this.#timer = this.#o.clock.after(Math.max(SOONEST_MS, Math.ceil(at - now)), () => {
      this.#timer = undefined;
      this.#pass();
    });
  }
}

function firstOf(list: readonly Waiting[], now: number): Waiting | undefined {
  const [oldest] = list;
  if (oldest === undefined) return undefined;
  const overloaded = now - oldest.since > (oldest.deadline - oldest.since) / 2;
  return overloaded ? list.at(-1) : oldest;
}
