/**
 * Shares limits of rates out among the sidecars of the fleet, by what they could use. Only the leader does, from what it is told
 * and in memory alone: a new leader hands out nothing that is not known to be free, until every pod was heard or what it may hold
 * has run out.
 */
import {
  beginnersPart,
  equalPart,
  RATE_TTL_MS,
  type RateAnswer,
  type RateDemand,
  type RateReport,
} from '../../../sidecar/snapshot/rate-messages.ts';
import type { LedgerPod } from '../ledger.ts';
import type { SharedLimit } from './pod-limits.ts';
import { ShareBook } from './share-book.ts';

export interface RateSharingOptions {
  /** The limit of that id, where the pod runs under it. */
  readonly limitOf: (uid: string, id: string) => SharedLimit | undefined;
  /** Uids of the pods that run under it. */
  readonly podsOf: (id: string) => readonly string[];
  readonly lives: (uid: string) => boolean;
  /** Term of this leader; undefined while it does not lead, and so grants nothing. */
  readonly term: () => number | undefined;
  readonly monotonic: () => number;
}

/** A sidecar counts from when it asked, this from when it answers; and clocks run unlike. */
const GRACE_MS = 2_000;
const HELD_MS = RATE_TTL_MS + GRACE_MS;
/** How often it is looked who is silent. */
const LOOK_MS = 1_000;
const AGAIN_MS = 1_000;
/** Of amounts, so many are kept track of; a fleet that has more shares those beyond equally. */
const MAX_BOOKS = 100_000;

interface Presence {
  readonly at: number;
  readonly pods: number;
  readonly silent: number;
  /** Some were not heard yet, and may still hold what a leader before granted. */
  readonly unheard: boolean;
}

interface Kept {
  readonly book: ShareBook;
  readonly lengthMs: number;
}

export class RateSharing {
  readonly #o: RateSharingOptions;
  readonly #books = new Map<string, Kept>();
  readonly #presence = new Map<string, Presence>();
  /** By uid. */
  readonly #heard = new Map<string, { at: number; epoch: string; sequence: number }>();
  /** When a pod was first missed. */
  readonly #missed = new Map<string, number>();
  #openedAt: number | undefined;
  #term: number | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RateSharingOptions) {
    this.#o = options;
  }

  /** Amounts that are kept track of. */
  get size(): number {
    return this.#books.size;
  }

  /** Of one report; `report` undefined: nothing was said of rates, only that the process is there. */
  answer(pod: LedgerPod, epoch: string, report: RateReport | undefined): RateAnswer | undefined {
    const term = this.#o.term();
    if (term === undefined) return undefined;
    if (term !== this.#term) this.#open(term);
    const now = this.#o.monotonic();
    const known = this.#heard.get(pod.uid);
    // A late one of the same process: what it says is old.
    if (known?.epoch === epoch && report !== undefined && report.sequence <= known.sequence) return undefined;
    this.#missed.delete(pod.uid);
    if (report === undefined) {
      // It may as well be about what an earlier process left: only whoever speaks of rates holds any.
      this.#heard.set(pod.uid, known ? { ...known, at: now } : { at: now, epoch, sequence: 0 });
      return undefined;
    }
    if (known !== undefined && known.epoch !== epoch) this.#processGone(holderOf(pod.uid, known.epoch), now);
    this.#heard.set(pod.uid, { at: now, epoch, sequence: report.sequence });
    this.#look(now);
    return {
      term,
      pods: report.limits.map((id) =>
        this.#o.limitOf(pod.uid, id) === undefined ? 0 : this.#present(id, now).pods,
      ),
      grants: report.demands.map((demand) => this.#grant(pod, epoch, demand, now)),
      againInMs: Math.max(AGAIN_MS, this.#heard.size),
    };
  }

  #grant(pod: LedgerPod, epoch: string, demand: RateDemand, now: number): number {
    const limit = this.#o.limitOf(pod.uid, demand.limit);
    const amount = limit && (demand.of === 'Rate' ? limit.rate : limit.atOnce);
    if (limit === undefined || amount === undefined) return -1;
    const { capacity, lengthMs } = amount;
    const name = `${demand.limit}\n${demand.of}\n${limit.byNamespace ? pod.namespace : ''}\n${demand.key}`;
    let kept = this.#books.get(name);
    if (kept === undefined) {
      if (this.#books.size >= MAX_BOOKS) return equalPart(capacity, this.#present(demand.limit, now).pods);
      kept = { book: new ShareBook(), lengthMs };
      this.#books.set(name, kept);
    }
    const { pods, silent, unheard } = this.#present(demand.limit, now);
    const least = beginnersPart(capacity, pods);
    const apart = {
      least,
      beginners: Math.max(0, pods - silent - kept.book.size) * (pods > 1 ? least : 0),
      silent: silent * equalPart(capacity, pods),
      equal: Math.floor(capacity / pods),
      unknown: unheard,
    };
    return kept.book.answer(holderOf(pod.uid, epoch), demand, capacity, apart, now);
  }

  /** A leader begins with nothing but what it is told. */
  #open(term: number): void {
    this.#term = term;
    this.#openedAt = this.#o.monotonic();
    this.#books.clear();
    this.#presence.clear();
    this.#heard.clear();
    this.#missed.clear();
  }

  #present(id: string, now: number): Presence {
    const known = this.#presence.get(id);
    if (known !== undefined && now - known.at < LOOK_MS) return known;
    const uids = this.#o.podsOf(id);
    let silent = 0;
    let unheard = false;
    for (const uid of uids) {
      const heardAt = this.#heard.get(uid)?.at;
      let since = heardAt;
      if (since === undefined) {
        since = this.#missed.get(uid) ?? now;
        this.#missed.set(uid, since);
      }
      if (now - since > HELD_MS) silent++;
      else if (heardAt === undefined) unheard = true;
    }
    const fresh = now - (this.#openedAt ?? now) <= HELD_MS;
    const found = { at: now, pods: Math.max(1, uids.length), silent, unheard: fresh && unheard };
    this.#presence.set(id, found);
    return found;
  }

  /** What was held by those who are gone, or out of touch, is theirs no more. */
  #look(now: number): void {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    for (const [uid, { epoch, at }] of this.#heard) {
      if (this.#o.lives(uid) && now - at <= HELD_MS) continue;
      this.#processGone(holderOf(uid, epoch), now);
      if (!this.#o.lives(uid)) this.#heard.delete(uid);
    }
    for (const uid of this.#missed.keys()) if (!this.#o.lives(uid)) this.#missed.delete(uid);
    for (const [name, { book }] of this.#books) if (book.isEmpty(now)) this.#books.delete(name);
    for (const [id, { at }] of this.#presence) if (now - at > HELD_MS) this.#presence.delete(id);
  }

  #processGone(holder: string, now: number): void {
    for (const { book, lengthMs } of this.#books.values()) book.gone(holder, lengthMs, now);
  }
}

const holderOf = (uid: string, epoch: string): string => `${uid} ${epoch}`;
