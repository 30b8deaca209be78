/**
 * Who should run what, turned around: from an object to the sidecars that should run it.
 *
 * Pods that should run the same snapshot with the same credentials are one group, so the work is per kind of pod, not per
 * pod. Rebuilt when something was compiled or pods came and went; asked for one object at a time.
 */
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { ItemId, SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import type { Compiled, Workload } from '../compile/types.ts';
import type { ProxyRegistry } from '../sync/registry.ts';
import type { ProxyFact } from './programmed.ts';
import type { SnapshotHistory } from './snapshot-history.ts';
import { standingOf, type Wanted, wantedOf } from './standing.ts';

interface Group {
  items: ReadonlyMap<ItemId, SnapshotItem>;
  given: ReadonlySet<string>;
  pods: Workload[];
  wanted: Map<ItemId, Wanted>;
}

export class FleetView {
  readonly #registry: ProxyRegistry;
  readonly #clock: Clock;
  readonly #history: SnapshotHistory;
  #groups = new Map<string, Group>();
  #byItem = new Map<ItemId, Group[]>();
  #byPod = new Map<string, Group>();

  constructor(registry: ProxyRegistry, clock: Clock, history: SnapshotHistory) {
    this.#registry = registry;
    this.#clock = clock;
    this.#history = history;
  }

  rebuild(compiled: Compiled, workloads: readonly Workload[]): void {
    this.#groups = new Map();
    this.#byItem = new Map();
    this.#byPod = new Map();
    for (const workload of workloads) {
      if (workload.terminating) continue;
      const group = this.#group(compiled, workload);
      group.pods.push(workload);
      this.#byPod.set(workload.uid, group);
    }
    this.#history.trim(this.#groups.size);
    for (const group of this.#groups.values()) {
      for (const id of group.items.keys()) {
        const groups = this.#byItem.get(id);
        if (groups) groups.push(group);
        else this.#byItem.set(id, [group]);
      }
    }
  }

  /** Items that the pod should run; none if it is not known. */
  itemsOf(uid: string): Iterable<ItemId> {
    return this.#byPod.get(uid)?.items.keys() ?? [];
  }

  /** @param leaderSince monotonic time before which silence means nothing to this replica */
  factsOf(itemId: ItemId, leaderSince: number): ProxyFact[] {
    const facts: ProxyFact[] = [];
    for (const group of this.#byItem.get(itemId) ?? []) {
      const wanted = this.#wanted(group, itemId);
      for (const pod of group.pods) facts.push(this.#fact(pod, wanted, leaderSince));
    }
    return facts;
  }

  #group(compiled: Compiled, workload: Workload): Group {
    const snapshot = compiled.snapshotFor(workload);
    const credentials = compiled.credentialsFor(workload);
    const key = `${snapshot.hash} ${credentials.version}`;
    let group = this.#groups.get(key);
    if (!group) {
      this.#history.remember(snapshot, credentials);
      group = {
        items: this.#history.items(snapshot.hash) ?? new Map(),
        given: this.#history.credentials(credentials.version) ?? new Set(),
        pods: [],
        wanted: new Map(),
      };
      this.#groups.set(key, group);
    }
    return group;
  }

  #wanted(group: Group, id: ItemId): Wanted {
    let wanted = group.wanted.get(id);
    if (!wanted) {
      wanted = wantedOf(group.items.get(id) as SnapshotItem, group.items, group.given);
      group.wanted.set(id, wanted);
    }
    return wanted;
  }

  #fact(pod: Workload, wanted: Wanted, leaderSince: number): ProxyFact {
    const proxy = this.#registry.get(pod.uid);
    const runningForMs =
      pod.runningSince === undefined ? undefined : Math.max(0, this.#clock.wall() - pod.runningSince);
    const now = this.#clock.monotonic();
    const hopefulForMs = Math.min(now - leaderSince, runningForMs ?? 0);
    return {
      pod: `${pod.namespace}/${pod.name}`,
      connected: proxy?.connected ?? false,
      silentForMs: proxy ? now - proxy.lastSeen : hopefulForMs,
      runningForMs,
      standing: standingOf(proxy, wanted, this.#history),
    };
  }
}
