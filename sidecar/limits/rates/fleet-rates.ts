/**
 * What this process tells the leader of the rates that it could use, and what it is allotted. Reports are states: whatever is
 * lost, the next one says it again. While something is asked for, they go out every second, and at once when something is
 * short; else with the regular reports.
 */
import type { Clock, Timer } from '../../snapshot/clock.ts';
import {
  MAX_RATE_DEMANDS,
  MAX_RATE_KEY,
  MAX_RATE_LIMITS,
  RATE_TTL_MS,
  type RateAnswer,
  type RateDemand,
  type RateReport,
  SHARE_PARTS,
} from '../../snapshot/rate-messages.ts';
import type { Limits } from '../limits.ts';
import type { Bucket } from './bucket.ts';
import { type FleetStanding, Quota } from './quota.ts';
import type { RateLimits } from './rates.ts';

/** News goes out no more often. */
const SOONEST_MS = 200;
/** After this the number of pods is asked for again. */
const PODS_KNOWN_MS = 30_000;
const AGAIN_MS = 1000;

interface Sent {
  readonly report: RateReport;
  readonly quotas: readonly Quota[];
  readonly at: number;
}

export interface FleetRatesOptions {
  readonly clock: Clock;
  /** False: there is no operator, and this process has everything for itself. */
  readonly shared: boolean;
}

export class FleetRates implements FleetStanding {
  readonly shared: boolean;
  readonly #clock: Clock;
  readonly #pods = new Map<string, { count: number; at: number }>();
  readonly #shares = new Map<string, Quota>();
  #limits: Pick<Limits, 'sharesInUse' | 'setShares'> | undefined;
  #rates: Pick<RateLimits, 'limits' | 'freed'> | undefined;
  #contactAt = Number.NEGATIVE_INFINITY;
  #term = -1;
  #sequence = 0;
  #sent: Sent | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #againInMs = AGAIN_MS;
  #later: Timer | undefined;
  #report: (() => void) | undefined;

  constructor({ clock, shared }: FleetRatesOptions) {
    this.#clock = clock;
    this.shared = shared;
  }

  /** What is shared. */
  serve(
    limits: Pick<Limits, 'sharesInUse' | 'setShares'>,
    rates: Pick<RateLimits, 'limits' | 'freed'>,
  ): void {
    this.#limits = limits;
    this.#rates = rates;
  }

  inTouch(now: number): boolean {
    return now - this.#contactAt < RATE_TTL_MS;
  }

  pods(limit: string): number | undefined {
    return this.#pods.get(limit)?.count;
  }

  /** Another configuration runs: limits that are gone are forgotten, and shares hold for those of providers that are new. */
  applied(): void {
    if (!this.shared) return;
    const now = this.#clock.monotonic();
    const inUse = this.#limits?.sharesInUse(now) ?? [];
    const present = new Set(inUse.map(({ id }) => id));
    for (const id of this.#shares.keys()) if (!present.has(id)) this.#shares.delete(id);
    for (const id of this.#pods.keys())
      if (!present.has(id) && !this.#rates?.limits.has(id)) this.#pods.delete(id);
    for (const id of present) if (!this.#shares.has(id)) this.#shares.set(id, new Quota(id, SHARE_PARTS));
    this.#setShares(now);
  }

  // For whoever reports

  /** Is told when a report should not wait. */
  onUrgent(report: () => void): void {
    this.#report = report;
  }

  /** Something is short that the leader may have. */
  urgent(): void {
    if (!this.shared || this.#later !== undefined || this.#report === undefined) return;
    const wait = Math.max(0, this.#sentAt + SOONEST_MS - this.#clock.monotonic());
    this.#later = this.#clock.after(wait, () => {
      this.#later = undefined;
      this.#report?.();
    });
  }

  /** A limit of a provider had no room: with a larger share it may have. */
  shortOfShares(): void {
    if (!this.shared || this.#later !== undefined) return;
    const now = this.#clock.monotonic();
    for (const quota of this.#shares.values()) {
      if (!quota.canGrow(this, now)) continue;
      this.urgent();
      return;
    }
  }

  stop(): void {
    this.#later?.cancel();
    this.#report = undefined;
  }

  /** What the next report carries; undefined where nothing is limited. */
  compose(): RateReport | undefined {
    if (!this.shared) return undefined;
    const now = this.#clock.monotonic();
    this.#setShares(now);
    const found = this.#demands(now);
    const limits = this.#unknownPods(now);
    this.#sentAt = now;
    if (found.length === 0 && limits.length === 0) {
      this.#sent = undefined;
      return undefined;
    }
    found.sort((a, b) => b.demand.need - a.demand.need || b.demand.want - a.demand.want);
    const chosen = found.slice(0, MAX_RATE_DEMANDS);
    const report = { sequence: ++this.#sequence, limits, demands: chosen.map(({ demand }) => demand) };
    this.#sent = { report, quotas: chosen.map(({ quota }) => quota), at: now };
    return report;
  }

  /** The report with what was composed last was answered; `answer` undefined: without a word of rates. */
  hear(answer: RateAnswer | undefined): void {
    const sent = this.#sent;
    this.#sent = undefined;
    if (!this.shared) return;
    // Nothing was asked, but whoever answers knows that this process is there.
    if (sent === undefined) this.#contactAt = Math.max(this.#contactAt, this.#sentAt);
    if (sent === undefined || answer === undefined || answer.term < this.#term) return;
    this.#term = answer.term;
    this.#contactAt = sent.at;
    this.#againInMs = answer.againInMs;
    for (const [i, limit] of sent.report.limits.entries()) {
      const count = answer.pods[i] ?? 0;
      if (count > 0) this.#pods.set(limit, { count, at: sent.at });
    }
    const now = this.#clock.monotonic();
    let lowered = false;
    for (const [i, quota] of sent.quotas.entries()) {
      const grant = answer.grants[i] ?? -1;
      if (grant < 0) continue;
      const { held } = sent.report.demands[i] as RateDemand;
      if (grant < held) lowered = true;
      quota.allot(grant, held, now);
    }
    this.#setShares(now);
    this.#rates?.freed();
    // What goes to others is theirs only when this process is known to have given it up.
    if (lowered) this.urgent();
  }

  /** When to report again at the latest; undefined: as usual. */
  nextInMs(): number | undefined {
    if (!this.shared) return undefined;
    const now = this.#clock.monotonic();
    for (const { buckets } of this.#rates?.limits.values() ?? [])
      for (const { rate, atOnce } of buckets.values())
        if (rate?.isActive(now) || atOnce?.isActive(now)) return this.#againInMs;
    for (const { used, short } of this.#limits?.sharesInUse(now) ?? [])
      if (used > 0 || short) return this.#againInMs;
    return undefined;
  }

  #demands(now: number): { demand: RateDemand; quota: Quota }[] {
    const found: { demand: RateDemand; quota: Quota }[] = [];
    for (const { buckets } of this.#rates?.limits.values() ?? []) {
      for (const bucket of buckets.values()) {
        if (bucket.key.length > MAX_RATE_KEY) continue;
        if (bucket.rate) this.#add(found, bucket, 'Rate', bucket.rate, now);
        if (bucket.atOnce) this.#add(found, bucket, 'AtOnce', bucket.atOnce, now);
      }
    }
    for (const { id, used, short } of this.#limits?.sharesInUse(now) ?? []) {
      const quota = this.#shares.get(id);
      if (quota === undefined) continue;
      if (short) quota.lacked(0, now);
      // Use of a minute is what is wanted for the next one, unless more is asked for.
      const want = quota.isShort(now) ? SHARE_PARTS : Math.min(SHARE_PARTS, used * 2);
      if (used === 0 && want === 0 && quota.allotted === undefined) continue;
      const held = quota.inHand(this, now);
      found.push({ demand: { limit: id, key: '', of: 'Rate', held, used, want, need: 0 }, quota });
    }
    return found;
  }

  #add(
    found: { demand: RateDemand; quota: Quota }[],
    bucket: Bucket,
    of: RateDemand['of'],
    quota: Quota,
    now: number,
  ): void {
    const used = of === 'Rate' ? Math.ceil(bucket.used(now)) : bucket.inFlight;
    const active = quota.isActive(now);
    if (!active && used === 0 && quota.allotted === undefined) return;
    // Nobody has asked for a while: what is not used may go to others, and is not told of again.
    if (!active && used === 0) quota.forget();
    const { want, need } = of === 'Rate' ? quota.wants(bucket.lengthMs, now) : quota.wantsAtOnce(used, now);
    const held = quota.inHand(this, now);
    found.push({ demand: { limit: bucket.body.id, key: bucket.key, of, held, used, want, need }, quota });
  }

  #unknownPods(now: number): string[] {
    const limits: string[] = [];
    for (const id of [...(this.#rates?.limits.keys() ?? []), ...this.#shares.keys()]) {
      const known = this.#pods.get(id);
      if (known === undefined || now - known.at > PODS_KNOWN_MS) limits.push(id);
      if (limits.length >= MAX_RATE_LIMITS) break;
    }
    return limits;
  }

  #setShares(now: number): void {
    if (this.#shares.size === 0) return;
    const shares = new Map<string, number>();
    for (const [id, quota] of this.#shares) shares.set(id, quota.inHand(this, now) / SHARE_PARTS);
    this.#limits?.setShares(shares);
  }
}
