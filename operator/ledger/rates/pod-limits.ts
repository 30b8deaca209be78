/** Which limits of rates a pod runs under, and how many pods do: by the very snapshots that they should run. */
import { SHARE_PARTS } from '../../../sidecar/snapshot/rate-messages.ts';
import type { ItemId, ProviderBody, RouteBody, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { windowOf } from '../../../sidecar/snapshot/shapes/rate-limits.ts';
import type { Compiled, Workload } from '../../compile/types.ts';

interface Amount {
  readonly capacity: number;
  /** Of the window; 0 for calls at once. */
  readonly lengthMs: number;
}

export interface SharedLimit {
  readonly rate: Amount | undefined;
  readonly atOnce: Amount | undefined;
  /** Pods of different namespaces have it apart. */
  readonly byNamespace: boolean;
}

/** Limits of providers count minutes, and calls at once; both have one share. */
const OF_PROVIDERS: SharedLimit = {
  rate: { capacity: SHARE_PARTS, lengthMs: 60_000 },
  atOnce: undefined,
  byNamespace: false,
};

export interface PodLimitsOptions {
  readonly pod: (uid: string) => Workload | undefined;
  /** Pods whose sidecar runs. */
  readonly running: () => readonly Workload[];
  readonly monotonic: () => number;
}

/** How long a count of pods stands. */
const COUNT_MS = 2_000;

export class PodLimits {
  readonly #o: PodLimitsOptions;
  #compiled: Pick<Compiled, 'snapshotFor'> | undefined;
  #found = new WeakMap<Snapshot, ReadonlyMap<string, SharedLimit>>();
  /** Of items that were valid: sidecars go on under them while they are not. */
  readonly #last = new Map<ItemId, [string, SharedLimit][]>();
  #pods = new Map<string, string[]>();
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PodLimitsOptions) {
    this.#o = options;
  }

  /** What holds from now on. */
  update(compiled: Pick<Compiled, 'snapshotFor'>): void {
    this.#compiled = compiled;
    this.#found = new WeakMap();
    this.#countedAt = Number.NEGATIVE_INFINITY;
  }

  find(uid: string, id: string): SharedLimit | undefined {
    const pod = this.#o.pod(uid);
    return pod && this.#of(pod)?.get(id);
  }

  podsOf(id: string): readonly string[] {
    const now = this.#o.monotonic();
    if (now - this.#countedAt > COUNT_MS) this.#count(now);
    return this.#pods.get(id) ?? [];
  }

  #count(now: number): void {
    this.#countedAt = now;
    this.#pods = new Map();
    for (const pod of this.#o.running()) {
      for (const id of this.#of(pod)?.keys() ?? []) {
        const pods = this.#pods.get(id);
        if (pods) pods.push(pod.uid);
        else this.#pods.set(id, [pod.uid]);
      }
    }
  }

  #of(pod: Workload): ReadonlyMap<string, SharedLimit> | undefined {
    if (!this.#compiled) return undefined;
    const snapshot = this.#compiled.snapshotFor(pod);
    let limits = this.#found.get(snapshot);
    if (!limits) {
      limits = new Map(snapshot.items.flatMap((item) => this.#ofItem(item)));
      this.#found.set(snapshot, limits);
    }
    return limits;
  }

  #ofItem(item: Snapshot['items'][number]): [string, SharedLimit][] {
    if (item.state === 'Invalid' || !item.body) return this.#last.get(item.id) ?? [];
    const limits = item.kind === 'Route' ? ofRoute(item.body) : ofProvider(item.id, item.body);
    if (limits.length > 0) this.#last.set(item.id, limits);
    else this.#last.delete(item.id);
    return limits;
  }
}

function ofRoute({ rules }: RouteBody): [string, SharedLimit][] {
  return rules.flatMap(({ rateLimits = [] }) =>
    rateLimits.map(({ id, rate, concurrency, key }): [string, SharedLimit] => [
      id,
      {
        rate: rate && windowOf(rate),
        atOnce: concurrency === undefined ? undefined : { capacity: concurrency, lengthMs: 0 },
        byNamespace: key.some(({ by }) => by !== 'Header'),
      },
    ]),
  );
}

function ofProvider(id: string, { limits, models, credentials }: ProviderBody): [string, SharedLimit][] {
  const found: [string, SharedLimit][] = [];
  if (limits || models.some((model) => model.limits)) found.push([id, OF_PROVIDERS]);
  for (const credential of credentials) if (credential.limits) found.push([credential.id, OF_PROVIDERS]);
  return found;
}
