/**
 * When a pod may be evicted so that one with a sidecar takes its place. PURE but for what it remembers.
 *
 * One at a time for each owner, few a minute in all. And never in circles: where what came in place of an evicted pod has no
 * sidecar either, injection does not work, and its owner is left in peace for a long while.
 */

export interface Replaceable {
  /** Of the pod. */
  uid: string;
  /** uid of who replaces it. */
  owner: string;
}

export type Turn =
  | { kind: 'Now' }
  /** Milliseconds until it is worth asking again. */
  | { kind: 'Later'; ms: number }
  /** A replacement came without a sidecar; `first` says it once. */
  | { kind: 'Hopeless'; ms: number; first: boolean };

interface Owner {
  lastAt: number;
  /** Pods of the owner without a sidecar when one was evicted last: a further one was made since. */
  known: ReadonlySet<string>;
  circles: number;
  hopelessUntil: number;
}

/** Between two pods of one owner: time for a replacement to come up. Budgets of disruption do more, where there are any. */
const OWNER_MS = 60_000;
const HOPELESS_MS = 3_600_000;
const MOST_HOPELESS_MS = 24 * HOPELESS_MS;
const MAX_OWNERS = 10_000;

export class EvictionPace {
  readonly #intervalMs: number;
  readonly #owners = new Map<string, Owner>();
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(perMinute: number) {
    this.#intervalMs = 60_000 / perMinute;
  }

  /** @param siblings uids of the pods of the same owner that have no sidecar now @param now monotonic milliseconds */
  turn({ owner }: Replaceable, siblings: () => ReadonlySet<string>, now: number): Turn {
    const known = this.#owners.get(owner);
    const at = Math.max(this.#nextAt, known ? known.lastAt + OWNER_MS : 0);
    if (now < at) return { kind: 'Later', ms: at - now };
    if (!known) return { kind: 'Now' };
    if (now < known.hopelessUntil) return { kind: 'Hopeless', ms: known.hopelessUntil - now, first: false };
    const present = siblings();
    if (present.isSubsetOf(known.known)) return { kind: 'Now' };
    known.circles += 1;
    known.known = present;
    const ms = Math.min(HOPELESS_MS * 2 ** (known.circles - 1), MOST_HOPELESS_MS);
    known.hopelessUntil = now + ms;
    return { kind: 'Hopeless', ms, first: true };
  }

  /** Asked for, whatever came of it: refusals cost the API server as much. */
  asked(now: number): void {
    this.#nextAt = now + this.#intervalMs;
  }

  evicted({ owner }: Replaceable, siblings: ReadonlySet<string>, now: number): void {
    const circles = this.#owners.get(owner)?.circles ?? 0;
    this.#owners.delete(owner);
    this.#owners.set(owner, {
      lastAt: now,
      known: siblings,
      circles,
      hopelessUntil: Number.NEGATIVE_INFINITY,
    });
    for (const oldest of this.#owners.keys()) {
      if (this.#owners.size <= MAX_OWNERS) break;
      this.#owners.delete(oldest);
    }
  }
}
