/**
 * Snapshots that some sidecar may still run, by hash, so that an acknowledgement of an older one can be understood: a
 * sidecar that has not taken the newest snapshot yet may well run the newest version of this one object.
 */
import type { Acknowledgement } from '../../sidecar/snapshot/messages.ts';
import type { CredentialSet, ItemId, Snapshot, SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import { once } from '../compile/once.ts';

/** From one acknowledgement to another. */
export interface Step {
  /** Items that one has and the other has not, or has otherwise. */
  items: ReadonlySet<ItemId>;
  /** Ids of credentials that one has and the other has not. */
  credentials: ReadonlySet<string>;
}

type Items = ReadonlyMap<ItemId, SnapshotItem>;

/** Older snapshots kept beside those in use. A sidecar that runs something older still counts as behind. */
const MAX_OLDER = 128;

export class SnapshotHistory {
  readonly #snapshots = new Map<string, Items>();
  /** Ids of credentials by version of the set; never a value. */
  readonly #credentials = new Map<string, ReadonlySet<string>>();
  /** Many sidecars take the same step. */
  readonly #differing = new WeakMap<Items, WeakMap<Items, ReadonlySet<ItemId>>>();

  /** Answers the items by id, and the ids of the credentials given along. */
  remember(snapshot: Snapshot, credentials: CredentialSet): { items: Items; given: ReadonlySet<string> } {
    const items =
      this.#snapshots.get(snapshot.hash) ?? new Map(snapshot.items.map((item) => [item.id, item] as const));
    touch(this.#snapshots, snapshot.hash, items);
    const given =
      this.#credentials.get(credentials.version) ?? new Set(credentials.credentials.map(({ id }) => id));
    touch(this.#credentials, credentials.version, given);
    return { items, given };
  }

  /** Says that the snapshot of that hash is the one with these items, in an older version of the contract. */
  alias(hash: string, items: Items): void {
    touch(this.#snapshots, hash, items);
  }

  items(hash: string): Items | undefined {
    return this.#snapshots.get(hash);
  }

  credentials(version: string): ReadonlySet<string> | undefined {
    return this.#credentials.get(version);
  }

  /** What differs between two acknowledgements; undefined where one of them is of something unknown, or refuses anything. */
  step(from: Acknowledgement, to: Acknowledgement): Step | undefined {
    const [before, after] = [this.#snapshots.get(from.hash), this.#snapshots.get(to.hash)];
    const keysBefore = this.#credentials.get(from.credentialsVersion);
    const keysAfter = this.#credentials.get(to.credentialsVersion);
    const plain = from.exceptions.length === 0 && to.exceptions.length === 0;
    if (!plain || !before || !after || !keysBefore || !keysAfter) return undefined;
    return {
      items: once(
        once(this.#differing, before, () => new WeakMap()),
        after,
        () => differing(before, after),
      ),
      credentials: keysBefore.symmetricDifference(keysAfter),
    };
  }

  /** Forgets the oldest beyond the bound. @param inUse how many distinct ones were just remembered */
  trim(inUse: number): void {
    for (const map of [this.#snapshots, this.#credentials]) {
      for (const key of map.keys()) {
        if (map.size <= inUse + MAX_OLDER) break;
        map.delete(key);
      }
    }
  }
}

/** Puts the entry last, so that the first ones are those not in use for longest. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
}

function differing(before: Items, after: Items): Set<ItemId> {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return new Set(
    [...ids].filter((id) => {
      const [a, b] = [before.get(id), after.get(id)];
      return !a || !b || !sameItem(a, b);
    }),
  );
}

const headerOf = (item: SnapshotItem) => JSON.stringify({ ...item, rank: undefined, body: undefined });

const texts = new WeakMap<SnapshotItem, string>();

/** Whether two items are the same version of the same thing; rank aside, which says where it stands among others. */
export function sameItem(a: SnapshotItem, b: SnapshotItem): boolean {
  if (a === b) return true;
  if (a.generation !== b.generation || a.state !== b.state) return false;
  // What did not change is compiled once, so that most bodies are one and the same.
  if (a.body === b.body) return headerOf(a) === headerOf(b);
  return textOf(a) === textOf(b);
}

function textOf(item: SnapshotItem): string {
  let text = texts.get(item);
  if (text === undefined) {
    text = JSON.stringify({ ...item, rank: undefined });
    texts.set(item, text);
  }
  return text;
}
