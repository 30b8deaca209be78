/**
 * Who should run what, turned around: from an object to the sidecars that should run it. Rebuilt when something was compiled or
 * pods came and went; asked for one object at a time.
 */
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { Acknowledgement } from '../../sidecar/snapshot/messages.ts';
import type { ItemId } from '../../sidecar/snapshot/schema.ts';
import type { Compiled, Workload } from '../compile/types.ts';
import type { ProxyRegistry } from '../sync/registry.ts';
import { changedItems, type Group, groupPods } from './groups.ts';
import type { ProxyFact } from './programmed.ts';
import type { SnapshotHistory } from './snapshot-history.ts';
import { standingOf, type Wanted } from './standing.ts';

export class FleetView {
  readonly #registry: ProxyRegistry;
  readonly #clock: Clock;
  readonly #history: SnapshotHistory;
  #byItem = new Map<ItemId, Group[]>();
  #byPod = new Map<string, Group>();

  constructor(registry: ProxyRegistry, clock: Clock, history: SnapshotHistory) {
    this.#registry = registry;
    this.#clock = clock;
    this.#history = history;
  }

  /** Answers the objects of which some pod should have something else than before. */
  rebuild(compiled: Compiled, workloads: readonly Workload[]): Set<ItemId> {
    const { byPod, groups } = groupPods(compiled, workloads, this.#history);
    const changed = changedItems(this.#byPod, byPod);
    this.#byPod = byPod;
    this.#byItem = new Map();
    for (const group of groups) {
      for (const id of group.items.keys()) {
        const others = this.#byItem.get(id);
        if (others) others.push(group);
        else this.#byItem.set(id, [group]);
      }
    }
    return changed;
  }

  /**
   * Items that the pod should run; none if it is not known.
   *
   * @param from what it ran before, where only what it runs has changed since: items to which it stands as before are left out
   */
  itemsOf(uid: string, from?: Acknowledgement): Iterable<ItemId> {
    const group = this.#byPod.get(uid);
    const to = this.#registry.get(uid)?.ack;
    const step = from && to && this.#history.step(from, to);
    return group ? (step ? group.touched(step) : group.items.keys()) : [];
  }

  /** @param leaderSince monotonic time before which silence means nothing to this replica */
  factsOf(itemId: ItemId, leaderSince: number): ProxyFact[] {
    const facts: ProxyFact[] = [];
    for (const group of this.#byItem.get(itemId) ?? []) {
      const wanted = group.wanted(itemId);
      if (wanted) for (const pod of group.pods) facts.push(this.#fact(pod, wanted, leaderSince));
    }
    return facts;
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
