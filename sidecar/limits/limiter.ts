/** One limit: so many requests and tokens a minute, so many calls at once. Pure: times are monotonic milliseconds. */
import type { Shortage } from '../routing/headroom.ts';
import type { LimitsBody } from '../snapshot/shapes/limits.ts';
import type { AdaptiveLimit } from './adaptive.ts';
import { SlidingWindow } from './sliding-window.ts';

/** What one reservation holds of one limit. */
export interface Hold {
  readonly limiter: Limiter;
  readonly at: number;
  readonly requestSlot: number;
  readonly tokenSlot: number;
  /** Counted now. */
  tokens: number;
}

/** Nobody waits for it. */
export const UNCLAIMED = Number.POSITIVE_INFINITY;
/** Share of a new call in how long calls take. */
const WEIGHT = 0.1;
const FIRST_CALL_MS = 1000;
const SOONEST_MS = 100;
const LATEST_MS = 60_000;
const SHORT_MS = 1500;
/** Used beyond this share, a limit is low. */
const LOW = 0.8;

export class Limiter {
  /** Such as `key main` or `model gpt-5`. */
  readonly what: string;
  /** Calls under way. */
  inFlight = 0;
  /**
   * Number of the most important class that waits for room here; requests of that class and of lesser ones that come later do
   * not overtake it.
   */
  claim = UNCLAIMED;
  readonly #adaptive: AdaptiveLimit | undefined;
  #requests: SlidingWindow | undefined = undefined;
  #tokens: SlidingWindow | undefined = undefined;
  #most: number | undefined = undefined;
  #callMs = FIRST_CALL_MS;
  #whole: LimitsBody = {};
  #shortAt = Number.NEGATIVE_INFINITY;

  constructor(what: string, adaptive?: AdaptiveLimit) {
    this.what = what;
    this.#adaptive = adaptive;
  }

  /** `share` of the limits is this pod's: above 0, at most 1. Of each limit at least one stays. What is counted stays counted. */
  configure(whole: LimitsBody, share: number): void {
    const { requestsPerMinute, tokensPerMinute, maxConcurrent } = whole;
    this.#whole = whole;
    this.#requests = windowOf(this.#requests, requestsPerMinute, share);
    this.#tokens = windowOf(this.#tokens, tokensPerMinute, share);
    this.#most = maxConcurrent === undefined ? undefined : part(maxConcurrent, share);
  }

  /** The largest part of a whole limit that is in use here, 0 to 1 or more, whatever the share. */
  partInUse(now: number): number {
    const {
      requestsPerMinute = Infinity,
      tokensPerMinute = Infinity,
      maxConcurrent = Infinity,
    } = this.#whole;
    return Math.max(
      this.inFlight / maxConcurrent,
      (this.#requests?.used(now) ?? 0) / requestsPerMinute,
      (this.#tokens?.used(now) ?? 0) / tokensPerMinute,
    );
  }

  /** Something was refused for want of room a moment ago. */
  isShort(now: number): boolean {
    return now - this.#shortAt < SHORT_MS;
  }

  get countsTokens(): boolean {
    return this.#tokens !== undefined;
  }

  get adaptive(): AdaptiveLimit | undefined {
    return this.#adaptive;
  }

  /** Most calls at once. */
  get most(): number | undefined {
    return this.#adaptive?.limit ?? this.#most;
  }

  /** Undefined: a request of so many tokens has room, and nobody of its class or a more important one waits for it. */
  shortage(tokens: number, priority: number, now: number): Shortage | undefined {
    const found = this.#shortage(tokens, priority, now);
    if (found !== undefined) this.#shortAt = now;
    return found;
  }

  #shortage(tokens: number, priority: number, now: number): Shortage | undefined {
    const { most, what } = this;
    if (most !== undefined && this.inFlight >= most) {
      return {
        until: now + this.#nextEnds(),
        detail: `${what}: ${this.inFlight} of ${most} calls are under way`,
      };
    }
    if (this.#requests && !this.#requests.fits(1, now)) {
      const until = this.#requests.freeAt(1, now);
      return { until, detail: `${what}: ${used(this.#requests, now)} requests of the minute are used` };
    }
    if (this.#tokens && !this.#tokens.fits(tokens, now)) {
      const until = this.#tokens.freeAt(tokens, now);
      return {
        until,
        detail: `${what}: ${used(this.#tokens, now)} tokens of the minute are used and about ${tokens} are needed`,
      };
    }
    if (this.claim <= priority) {
      return {
        until: now + SOONEST_MS,
        detail: `${what}: others that came before wait for it`,
      };
    }
    return undefined;
  }

  /** Less than a fifth of it is left. */
  isLow(now: number): boolean {
    const { most } = this;
    return (
      (most !== undefined && this.inFlight > most * LOW) ||
      (this.#requests !== undefined && this.#requests.used(now) > this.#requests.limit * LOW) ||
      (this.#tokens !== undefined && this.#tokens.used(now) > this.#tokens.limit * LOW)
    );
  }

  take(tokens: number, now: number): Hold {
    this.inFlight++;
    // More than the whole limit takes the whole limit.
    const counted = this.#tokens ? Math.min(tokens, this.#tokens.limit) : 0;
    return {
      limiter: this,
      at: now,
      requestSlot: this.#requests?.take(1, now) ?? 0,
      tokenSlot: this.#tokens?.take(counted, now) ?? 0,
      tokens: counted,
    };
  }

  /** The call is over. `refund`: it does not count, such as one that was refused. */
  end(hold: Hold, refund: boolean, now: number): void {
    this.inFlight--;
    if (refund) {
      this.#requests?.change(hold.requestSlot, -1, now);
      this.settle(hold, 0, now);
    } else {
      const ms = now - hold.at;
      this.#callMs += (ms - this.#callMs) * WEIGHT;
    }
  }

  /** So many tokens it really was. */
  settle(hold: Hold, tokens: number, now: number): void {
    this.#tokens?.change(hold.tokenSlot, tokens - hold.tokens, now);
    hold.tokens = tokens;
  }

  /** Milliseconds in which, at the pace of late, one of the calls under way ends. */
  #nextEnds(): number {
    const ms = this.#callMs / Math.max(1, this.inFlight);
    return Math.min(LATEST_MS, Math.max(SOONEST_MS, Math.ceil(ms)));
  }
}

const used = (window: SlidingWindow, now: number): string => `${window.used(now)} of ${window.limit}`;

const part = (limit: number, share: number): number => Math.max(1, Math.floor(limit * share));

function windowOf(
  known: SlidingWindow | undefined,
  limit: number | undefined,
  share: number,
): SlidingWindow | undefined {
  if (limit === undefined) return undefined;
  const window = known ?? new SlidingWindow(part(limit, share));
  window.limit = part(limit, share);
  return window;
}
