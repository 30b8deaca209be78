/** Pods that should run the same: one snapshot with one set of credentials. What is worked out, is worked out once per group. */
import type { ItemId, SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import type { Compiled, Workload } from '../compile/types.ts';
import { type SnapshotHistory, type Step, sameItem } from './snapshot-history.ts';
import { type Wanted, wantedOf } from './standing.ts';

export class Group {
  readonly key: string;
  readonly items: ReadonlyMap<ItemId, SnapshotItem>;
  readonly pods: Workload[] = [];
  readonly #given: ReadonlySet<string>;
  readonly #wanted = new Map<ItemId, Wanted>();

  constructor(key: string, items: ReadonlyMap<ItemId, SnapshotItem>, given: ReadonlySet<string>) {
    this.key = key;
    this.items = items;
    this.#given = given;
  }

  /** What its pods should have of an object; undefined if nothing. */
  wanted(id: ItemId): Wanted | undefined {
    const item = this.items.get(id);
    let wanted = this.#wanted.get(id);
    if (item && !wanted) {
      wanted = wantedOf(item, this.items, this.#given);
      this.#wanted.set(id, wanted);
    }
    return wanted;
  }

  /** Items to which a pod that took the step may stand otherwise than before. */
  touched({ items, credentials }: Step): ItemId[] {
    return [...this.items.keys()].filter((id) => {
      const wanted = this.wanted(id);
      if (!wanted) return false;
      const { item, needs } = wanted;
      return (
        items.has(item.id) ||
        needs.some((need) => items.has(need.id)) ||
        wanted.credentials.some((key) => credentials.has(key))
      );
    });
  }
}

/** Groups of all pods that are to stay, by pod. What they should run is remembered in `history`. */
export function groupPods(
  compiled: Compiled,
  workloads: readonly Workload[],
  history: SnapshotHistory,
): { byPod: Map<string, Group>; groups: Iterable<Group> } {
  const groups = new Map<string, Group>();
  const byPod = new Map<string, Group>();
  const [, ...older] = compiled.versions;
  for (const workload of workloads) {
    if (workload.terminating) continue;
    const snapshot = compiled.snapshotFor(workload);
    const credentials = compiled.credentialsFor(workload);
    const key = `${snapshot.hash} ${credentials.version}`;
    let group = groups.get(key);
    if (!group) {
      const { items, given } = history.remember(snapshot, credentials);
      for (const version of older) history.alias(compiled.snapshotFor(workload, version).hash, items);
      group = new Group(key, items, given);
      groups.set(key, group);
    }
    group.pods.push(workload);
    byPod.set(workload.uid, group);
  }
  history.trim(groups.size * compiled.versions.length);
  return { byPod, groups: groups.values() };
}

/** Objects of which some pod should have something else than before. */
export function changedItems(
  before: ReadonlyMap<string, Group>,
  after: ReadonlyMap<string, Group>,
): Set<ItemId> {
  const changed = new Set<ItemId>();
  const compared = new Set<string>();
  for (const uid of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(uid), after.get(uid)];
    const pair = `${old?.key} -> ${now?.key}`;
    if (old?.key === now?.key || compared.has(pair)) continue;
    compared.add(pair);
    for (const id of new Set([...(old?.items.keys() ?? []), ...(now?.items.keys() ?? [])])) {
      if (!sameWanted(old?.wanted(id), now?.wanted(id))) changed.add(id);
    }
  }
  return changed;
}

function sameWanted(a: Wanted | undefined, b: Wanted | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    sameItem(a.item, b.item) &&
    a.needs.length === b.needs.length &&
    a.needs.every((need, i) => sameItem(need, b.needs[i] as SnapshotItem)) &&
    a.credentials.join(' ') === b.credentials.join(' ')
  );
}
