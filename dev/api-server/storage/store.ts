/**
 * Every object, in memory, with the history that watches continue from.
 *
 * Versions are one sequence over all kinds. It starts at the wall clock in milliseconds, so a version from before a restart
 * is older than everything here and its watcher is told to list again.
 */
import { expired } from '../http/status-error.ts';
import { type Kind, resourceName } from '../kinds/kind.ts';
import type { ApiObject } from '../object.ts';

/** One write. `old` is what it replaced. */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  version: number;
  object: ApiObject;
  old: ApiObject | undefined;
}

const keyOf = ({ metadata: { namespace = '', name } }: ApiObject): string => `${namespace}/${name}`;

/** The objects of one kind in key order, and the latest changes to them. */
export class Collection {
  readonly listeners = new Set<(change: Change) => void>();
  /** Changes up to and including this version are forgotten. */
  compacted: number;
  readonly #historyLimit: number;
  readonly #history: Change[] = [];
  readonly #objects = new Map<string, ApiObject>();
  #sorted: string[] | undefined;

  constructor(start: number, historyLimit: number) {
    this.compacted = start;
    this.#historyLimit = historyLimit;
  }

  get(namespace: string | undefined, name: string | undefined): ApiObject | undefined {
    return this.#objects.get(`${namespace ?? ''}/${name ?? ''}`);
  }

  /** Objects of a namespace (all where undefined) with keys greater than `after`, as they were at `version` if given. */
  list(namespace?: string, after = '', version?: number): [key: string, object: ApiObject][] {
    this.#sorted ??= [...this.#objects.keys()].sort();
    const objects = version === undefined ? this.#objects : this.#at(version);
    const keys = version === undefined ? this.#sorted : [...objects.keys()].sort();
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const wanted = keys.filter((key) => key.startsWith(prefix) && key > after);
    return wanted.map((key) => [key, objects.get(key) as ApiObject]);
  }

  /** Changes after `version`, oldest first. Throws 410 when some of them are forgotten. */
  since(version: number): Change[] {
    if (version < this.compacted) throw expired(`too old resource version: ${version} (${this.compacted})`);
    return this.#history.filter((change) => change.version > version);
  }

  record(change: Change): void {
    const key = keyOf(change.object);
    if (change.type !== 'MODIFIED') this.#sorted = undefined;
    if (change.type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, change.object);
    this.#history.push(change);
    if (this.#history.length > 2 * this.#historyLimit) this.compact(this.#historyLimit);
    for (const listener of this.listeners) listener(change);
  }

  /** Forgets all but the newest `keep` changes. */
  compact(keep = 0): void {
    const forgotten = this.#history.splice(0, Math.max(this.#history.length - keep, 0));
    this.compacted = forgotten.at(-1)?.version ?? this.compacted;
  }

  #at(version: number): Map<string, ApiObject> {
    const objects = new Map(this.#objects);
    for (const { object, old } of this.since(version).reverse()) {
      if (old) objects.set(keyOf(old), old);
      else objects.delete(keyOf(object));
    }
    return objects;
  }
}

export class Store {
  /** Of the latest write. */
  version: number;
  readonly #newCollection: () => Collection;
  readonly #collections = new Map<string, Collection>();

  /** `historyLimit`: changes kept per kind, at least; twice as many at most. */
  constructor(start: number, historyLimit: number) {
    this.version = start;
    this.#newCollection = () => new Collection(start, historyLimit);
  }

  collection(kind: Pick<Kind, 'group' | 'plural'>): Collection {
    const name = resourceName(kind);
    const found = this.#collections.get(name) ?? this.#newCollection();
    this.#collections.set(name, found);
    return found;
  }

  /** Stores `object` under a new version and answers it as stored. */
  put(kind: Kind, object: ApiObject, old: ApiObject | undefined): ApiObject {
    return this.#record(kind, old ? 'MODIFIED' : 'ADDED', object, old);
  }

  remove(kind: Kind, object: ApiObject): void {
    this.#record(kind, 'DELETED', object, object);
  }

  #record(kind: Kind, type: Change['type'], object: ApiObject, old: ApiObject | undefined): ApiObject {
    const version = ++this.version;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.collection(kind).record({ type, version, object: stored, old });
    return stored;
  }
}
