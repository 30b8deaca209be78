/**
 * Who holds how much of one amount: of one limit and key, a window or calls at once. Pure: no clock, no I/O; times are
 * milliseconds of the leader's monotonic clock.
 *
 * At any time what all hold, with what may be held by those who are not heard, is at most the capacity: nothing is granted
 * that is not free, and what was taken back is free only when its holder has said that it keeps to less.
 */
import { waterLevel } from './water-level.ts';

interface Holding {
  /** What it may use at most, as far as is known: said by it, or granted and perhaps not heard. */
  held: number;
  /** What it counted when it was last heard. */
  used: number;
  want: number;
  need: number;
  /** When it got last what it needed at once. */
  servedAt: number;
  heardAt: number;
}

export interface Said {
  readonly held: number;
  readonly used: number;
  readonly want: number;
  readonly need: number;
}

/** What is taken by those who hold nothing on the books. */
export interface Apart {
  /** Kept for whoever begins. */
  readonly beginners: number;
  /** Of pods that live and are not heard. */
  readonly silent: number;
  /** What each may hold without being granted it. */
  readonly least: number;
  /** What each gets at least, as long as nobody lacks anything. */
  readonly equal: number;
  /** Leaders before this one may have granted everything: nobody gets more than what it says it holds. */
  readonly unknown: boolean;
}

/** How long targets stand; a change in demand is seen after it. */
const AGAIN_MS = 100;

export class ShareBook {
  readonly #holdings = new Map<string, Holding>();
  /** Used by processes that are gone, until no window counts it. */
  #past: { amount: number; until: number }[] = [];
  /** What all in `#holdings` hold. */
  #held = 0;
  #targets = new Map<string, number>();
  #reckonedAt = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#holdings.size;
  }

  /** Nobody holds anything, and nothing counts any more. */
  isEmpty(now: number): boolean {
    return this.#holdings.size === 0 && this.#pastAt(now) === 0;
  }

  /** What the holder says, and what it may hold from now on. */
  answer(holder: string, said: Said, capacity: number, apart: Apart, now: number): number {
    let holding = this.#holdings.get(holder);
    const before = holding?.held ?? 0;
    if (holding === undefined) {
      holding = { ...said, servedAt: Number.NEGATIVE_INFINITY, heardAt: now };
      this.#holdings.set(holder, holding);
      this.#reckonedAt = Number.NEGATIVE_INFINITY;
    }
    const more = said.want > holding.want || said.need > holding.need;
    Object.assign(holding, said, { held: Math.max(said.held, said.used), heardAt: now });
    this.#held += holding.held - before;
    const grant = this.#grant(holder, holding, capacity, apart, more, now);
    this.#held += Math.max(0, grant - holding.held);
    holding.held = Math.max(holding.held, grant);
    if (holding.need > 0 && grant >= holding.need) holding.servedAt = now;
    if (said.want === 0 && holding.held <= apart.least && said.used === 0) this.#drop(holder, holding);
    return grant;
  }

  /** A process is gone; what it used counts until a window has passed since it was heard. */
  gone(holder: string, lengthMs: number, now: number): void {
    const holding = this.#holdings.get(holder);
    if (holding === undefined) return;
    this.#drop(holder, holding);
    this.#reckonedAt = Number.NEGATIVE_INFINITY;
    const until = holding.heardAt + lengthMs;
    if (holding.used > 0 && until > now) this.#past.push({ amount: holding.used, until });
  }

  #drop(holder: string, { held }: Holding): void {
    this.#held -= held;
    this.#holdings.delete(holder);
  }

  #grant(
    holder: string,
    { held }: Holding,
    capacity: number,
    apart: Apart,
    more: boolean,
    now: number,
  ): number {
    const available = capacity - apart.beginners - apart.silent - this.#pastAt(now);
    if (more || now - this.#reckonedAt > AGAIN_MS) this.#reckon(available, apart, now);
    const target = Math.min(capacity, this.#targets.get(holder) ?? 0);
    const others = this.#held - held;
    const free = apart.unknown ? Math.min(held, available - others) : available - others;
    return Math.max(apart.least, Math.min(target, Math.floor(free)), 0);
  }

  #reckon(available: number, { equal }: Apart, now: number): void {
    this.#reckonedAt = now;
    const list = [...this.#holdings];
    const plain = list.map(([, { want, need, used }]) => (want === 0 ? used : Math.max(want, need)));
    // An equal part for everybody who is there, unless others lack what is not used of it.
    const ample = plain.map((want, i) => (list[i]?.[1].want === 0 ? want : Math.max(want, equal)));
    const wants = ample.reduce((sum, want) => sum + want, 0) > available ? plain : ample;
    const level = waterLevel(wants, available);
    const lacking = list.filter(([, { need }], i) => need > Math.floor(Math.min(wants[i] as number, level)));
    const lacks = new Set(lacking.map(([holder]) => holder));
    const served = new Set<string>();
    let left = available;
    if (lacking.length > 0) {
      // What each of them would get is too little for a single request: they take turns with all of it.
      let common = lacking.length * level;
      for (const [holder, { need }] of lacking.toSorted((a, b) => a[1].servedAt - b[1].servedAt)) {
        if (served.size > 0 && common < need) continue;
        common -= need;
        left -= Math.min(need, available);
        served.add(holder);
      }
    }
    const others = list.flatMap(([holder], i) =>
      lacks.has(holder) ? [] : [{ holder, want: wants[i] as number }],
    );
    const otherLevel = waterLevel(
      others.map(({ want }) => want),
      Math.max(0, left),
    );
    this.#targets = new Map();
    for (const [holder, { need }] of list) {
      if (served.has(holder)) this.#targets.set(holder, Math.min(need, available));
    }
    // Where everybody has enough, half of the rest is theirs as well: the next moment may ask for more.
    const spare = Math.max(0, left - others.reduce((sum, { want }) => sum + want, 0)) / 2 / list.length;
    const extra = Number.isFinite(otherLevel) ? 0 : spare;
    for (const { holder, want } of others) {
      this.#targets.set(holder, Math.floor(Math.min(want, otherLevel) + extra));
    }
  }

  #pastAt(now: number): number {
    if (this.#past.length === 0) return 0;
    this.#past = this.#past.filter(({ until }) => until > now);
    return this.#past.reduce((sum, { amount }) => sum + amount, 0);
  }
}
