/** One limit of a rate for one key: a window, calls at once, or both. Pure: times are monotonic milliseconds. */
import { type RateLimitBody, windowOf } from '../../snapshot/shapes/rate-limits.ts';
import { UNCLAIMED } from '../limiter.ts';
import { SlidingWindow } from '../sliding-window.ts';
import { FairShares, type Sharer } from './fair-shares.ts';
import { type FleetStanding, Quota } from './quota.ts';

/** What one request holds of it. */
export interface RateHold {
  readonly bucket: Bucket;
  readonly slot: number;
  readonly sharer: Sharer | undefined;
  readonly sharerSlot: number;
  /** Counted now. */
  amount: number;
}

/** Why there is no room. */
export interface RateShortage {
  readonly bucket: Bucket;
  readonly until: number;
  /** With the numbers. */
  readonly detail: string;
  /** Those who wait take turns by it. */
  readonly group: object;
  /** The leader may have more for this process in a moment. */
  readonly soon: boolean;
}

const SOONEST_MS = 10;
/** While it is for the leader, or for calls under way, to say when there is room. */
const UNSURE_MS = 1000;

export class Bucket {
  /** Values of its key, joined. */
  readonly key: string;
  body: RateLimitBody;
  /** Requests under way. */
  inFlight = 0;
  /** Number of the most important class that waits for room here; see `Limiter.claim`. */
  claim = UNCLAIMED;
  usedAt = 0;
  rate: Quota | undefined = undefined;
  atOnce: Quota | undefined = undefined;
  #window: SlidingWindow | undefined = undefined;
  #fair: FairShares | undefined = undefined;
  #fairFor = '';

  constructor(body: RateLimitBody, key: string) {
    this.key = key;
    this.body = body;
    this.configure(body);
  }

  /** What is counted stays counted where the window has the same length. */
  configure(body: RateLimitBody): void {
    this.body = body;
    const { id, rate, concurrency, fair, maxKeys } = body;
    if (rate === undefined) {
      this.rate = undefined;
      this.#window = undefined;
    } else {
      const { capacity, lengthMs } = windowOf(rate);
      this.rate ??= new Quota(id, capacity);
      this.rate.capacity = capacity;
      if (this.#window?.lengthMs !== lengthMs) this.#window = new SlidingWindow(capacity, lengthMs);
    }
    if (concurrency === undefined) {
      this.atOnce = undefined;
    } else {
      this.atOnce ??= new Quota(id, concurrency);
      this.atOnce.capacity = concurrency;
    }
    const sharing = JSON.stringify([fair, this.#window?.lengthMs, maxKeys]);
    if (sharing === this.#fairFor) return;
    this.#fairFor = sharing;
    this.#fair =
      fair && this.#window ? new FairShares(this.#window.lengthMs, maxKeys, fair.weights) : undefined;
  }

  get lengthMs(): number {
    return this.#window?.lengthMs ?? 0;
  }

  used(now: number): number {
    return this.#window?.used(now) ?? 0;
  }

  /** Of the window, what this process may still use. */
  remaining(fleet: FleetStanding, now: number): number {
    return this.rate ? Math.max(0, this.rate.inHand(fleet, now) - this.used(now)) : 0;
  }

  /** When everything that is used may be used again. */
  fullAt(now: number): number {
    return this.#window?.emptyAt(now) ?? now;
  }

  /** What a request of so many tokens takes of it: no more than there is at all. */
  amountOf(tokens: number): number {
    const { rate } = this.body;
    if (rate === undefined) return 0;
    return rate.of === 'Requests' ? 1 : Math.min(tokens, (this.rate as Quota).capacity);
  }

  /** Whoever shares it by `fair`; undefined: it is shared by nobody. */
  sharer(key: string, amount: number, now: number): Sharer | undefined {
    return this.#fair?.asked(key, amount, now);
  }

  /** Undefined: there is room. `priority`: number of the class, 0 the first. */
  shortage(
    amount: number,
    sharer: Sharer | undefined,
    priority: number,
    fleet: FleetStanding,
    now: number,
  ): RateShortage | undefined {
    const { atOnce, rate } = this;
    if (atOnce !== undefined) {
      const inHand = atOnce.inHand(fleet, now);
      if (this.inFlight >= inHand) {
        atOnce.lacked(1, now);
        return this.#short(
          sharer,
          atOnce,
          fleet,
          now,
          now + UNSURE_MS,
          `${this.inFlight} of ${shown(inHand, atOnce)} requests are under way`,
        );
      }
    }
    if (rate !== undefined) {
      const window = this.#window as SlidingWindow;
      const inHand = rate.inHand(fleet, now);
      const used = window.used(now);
      const of = this.body.rate?.of === 'Tokens' ? 'tokens' : 'requests';
      const needed = of === 'tokens' ? `, and about ${amount} are needed` : '';
      if (used + amount > inHand) {
        rate.lacked(amount, now);
        window.limit = inHand;
        const until = amount > inHand ? now + UNSURE_MS : window.freeAt(amount, now);
        const what = `${used} of ${shown(inHand, rate)} ${of} of the ${wordOf(this.body)} are used${needed}`;
        return this.#short(sharer, rate, fleet, now, until, what);
      }
      if (sharer !== undefined && !(this.#fair as FairShares).allows(sharer, amount, used, inHand, now)) {
        rate.lacked(amount, now);
        const what = `${used} of ${shown(inHand, rate)} ${of} of the ${wordOf(this.body)} are used, and the rest is kept for others who share it`;
        return this.#short(sharer, rate, fleet, now, now + Math.min(UNSURE_MS, this.lengthMs / 20), what);
      }
    }
    if (this.claim <= priority) {
      return {
        bucket: this,
        until: now + SOONEST_MS,
        detail: 'others that came before wait for it',
        group: sharer ?? this,
        soon: false,
      };
    }
    return undefined;
  }

  /** Why a request would not fit, without a trace; undefined: it would. Who shares it fairly is left out of account. */
  peek(amount: number, priority: number, fleet: FleetStanding, now: number): string | undefined {
    const { atOnce, rate } = this;
    const most = atOnce?.inHand(fleet, now);
    if (atOnce && most !== undefined && this.inFlight >= most)
      return `${this.inFlight} of ${shown(most, atOnce)} requests are under way`;
    const inHand = rate?.inHand(fleet, now);
    if (rate && inHand !== undefined && this.used(now) + amount > inHand)
      return `${this.used(now)} of ${shown(inHand, rate)} of the ${wordOf(this.body)} are used, and about ${amount} are needed`;
    return this.claim <= priority ? 'others that came before wait for it' : undefined;
  }

  take(amount: number, sharer: Sharer | undefined, now: number): RateHold {
    this.inFlight++;
    this.usedAt = now;
    this.rate?.took(amount, now);
    this.atOnce?.took(1, now);
    const slot = this.#window?.take(amount, now) ?? 0;
    const sharerSlot = sharer === undefined ? 0 : (this.#fair?.take(sharer, amount, now) ?? 0);
    return { bucket: this, slot, sharer, sharerSlot, amount };
  }

  /** The request is over. `refund`: it does not count. */
  end(hold: RateHold, refund: boolean, now: number): void {
    this.inFlight--;
    this.usedAt = now;
    if (refund) this.change(hold, 0, now);
  }

  /** It took so much in the end. */
  change(hold: RateHold, amount: number, now: number): void {
    const by = amount - hold.amount;
    if (by === 0) return;
    this.#window?.change(hold.slot, by, now);
    hold.sharer?.window.change(hold.sharerSlot, by, now);
    hold.amount = amount;
  }

  /** Nothing of it is counted, and nobody asks for it. */
  isIdle(now: number): boolean {
    return (
      this.inFlight === 0 &&
      this.claim === UNCLAIMED &&
      this.used(now) === 0 &&
      !this.rate?.isActive(now) &&
      !this.atOnce?.isActive(now)
    );
  }

  #short(
    sharer: Sharer | undefined,
    quota: Quota,
    fleet: FleetStanding,
    now: number,
    until: number,
    detail: string,
  ): RateShortage {
    return {
      bucket: this,
      until: Math.max(now + SOONEST_MS, until),
      detail,
      group: sharer ?? this,
      soon: quota.canGrow(fleet, now),
    };
  }
}

const wordOf = ({ rate }: RateLimitBody): string => {
  const word = (rate?.per ?? 'Minute').toLowerCase();
  return rate?.burst === undefined ? word : `burst of ${rate.burst} a ${word}`;
};

/** Of a limit that pods share, this pod's part. */
const shown = (inHand: number, { capacity }: Quota): string =>
  inHand === capacity ? String(capacity) : `this pod's ${inHand} (of ${capacity})`;
