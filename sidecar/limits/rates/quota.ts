/**
 * What this process may use of one amount that the fleet shares: of a window, or of calls at once. Pure: times are monotonic
 * milliseconds.
 *
 * Without a fleet all of it is in hand. With one, a process has a small part to begin with, then what the leader allots; out of
 * touch with the leader it goes by as many pods as there were. What it counts as used it holds, whatever it is allotted, so the
 * amounts that all processes hold are never more than there is.
 */
import { beginnersPart, equalPart } from '../../snapshot/rate-messages.ts';
import { Pace } from './pace.ts';

/** What the fleet says of an amount. */
export interface FleetStanding {
  /** There is a leader to ask; else the process has everything for itself. */
  readonly shared: boolean;
  /** The leader was heard of lately. */
  inTouch(now: number): boolean;
  /** Pods that have the limit; undefined before it was told. */
  pods(limit: string): number | undefined;
}

/** Of all that there is, what one may use who does not know how many there are. */
const FIRST = 0.01;
/** Over which demand is measured. */
const HALF_LIFE_MS = 1000;
/** What was short so long ago says that more is wanted. */
const SHORT_MS = 1500;
const AHEAD = 1.25;
/** Who was just told that there is no more is not told otherwise at once. */
const DENIED_MS = 1000;

export class Quota {
  readonly limit: string;
  capacity: number;
  /** As the leader said last; undefined before that. */
  #allotted: number | undefined = undefined;
  #deniedAt = Number.NEGATIVE_INFINITY;
  #shortAt = Number.NEGATIVE_INFINITY;
  #need = 0;
  readonly #pace = new Pace(HALF_LIFE_MS);

  constructor(limit: string, capacity: number) {
    this.limit = limit;
    this.capacity = capacity;
  }

  /** The amount that this process keeps to now. */
  inHand(fleet: FleetStanding, now: number): number {
    if (!fleet.shared) return this.capacity;
    const pods = fleet.pods(this.limit);
    if (pods === undefined) return Math.max(1, Math.floor(this.capacity * FIRST));
    if (!fleet.inTouch(now)) return equalPart(this.capacity, pods);
    return Math.min(this.capacity, Math.max(this.#allotted ?? 0, beginnersPart(this.capacity, pods)));
  }

  /** More may be had of the leader, soon: it was not asked in vain just now. */
  canGrow(fleet: FleetStanding, now: number): boolean {
    if (!fleet.shared || now - this.#deniedAt < DENIED_MS) return false;
    const pods = fleet.pods(this.limit);
    return pods === undefined || (fleet.inTouch(now) && this.inHand(fleet, now) < this.capacity);
  }

  took(amount: number, now: number): void {
    this.#pace.add(amount, now);
  }

  /** So much at once was asked for in vain. */
  lacked(amount: number, now: number): void {
    this.#shortAt = now;
    if (amount > this.#need) this.#need = amount;
  }

  get allotted(): number | undefined {
    return this.#allotted;
  }

  /** Somebody was refused a moment ago. */
  isShort(now: number): boolean {
    return now - this.#shortAt < SHORT_MS;
  }

  /** Asked for lately. */
  isActive(now: number): boolean {
    return this.isShort(now) || this.#pace.perMs(now) > 1e-7;
  }

  /**
   * What it would use if it could, and what it takes at least for the largest request that is refused. `overMs`: the window
   * in which use counts.
   */
  wants(overMs: number, now: number): { want: number; need: number } {
    if (this.isShort(now))
      return { want: this.capacity, need: Math.min(this.capacity, Math.ceil(this.#need)) };
    this.#need = 0;
    const want = Math.ceil(this.#pace.perMs(now) * overMs * AHEAD);
    return { want: Math.min(this.capacity, want), need: 0 };
  }

  /** The same of calls at once, of which `used` are under way. */
  wantsAtOnce(used: number, now: number): { want: number; need: number } {
    if (this.isShort(now)) return { want: this.capacity, need: 1 };
    return { want: Math.min(this.capacity, used * 2), need: 0 };
  }

  /** What the leader says, who was told that `held` was held. */
  allot(amount: number, held: number, now: number): void {
    this.#allotted = amount;
    if (this.isShort(now) && amount <= held) this.#deniedAt = now;
  }

  /** What was allotted is given up. */
  forget(): void {
    this.#allotted = undefined;
  }
}
