/** What a reflector knows: objects by key, replaced as a whole without telling anyone about what did not change. */
import type { KubeObject } from '../../crds/common.ts';

/** `namespace/name`, or the name alone for objects without a namespace. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

export interface Change<T> {
  key: string;
  before: T | undefined;
  after: T | undefined;
}

export class Store<T extends KubeObject> {
  #objects = new Map<string, T>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  set(object: T): Change<T> | undefined {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    return same(before, object) ? undefined : { key, before, after: object };
  }

  delete(key: string): Change<T> | undefined {
    const before = this.#objects.get(key);
    this.#objects.delete(key);
    return before ? { key, before, after: undefined } : undefined;
  }

  /** Swaps in a complete list; the answer has only what differs from before. */
  replace(objects: Iterable<T>): Change<T>[] {
    const previous = this.#objects;
    this.#objects = new Map();
    for (const object of objects) this.#objects.set(keyOf(object), object);
    const changes: Change<T>[] = [];
    for (const [key, before] of previous) {
      if (!this.#objects.has(key)) changes.push({ key, before, after: undefined });
    }
    for (const [key, after] of this.#objects) {
      const before = previous.get(key);
      if (!same(before, after)) changes.push({ key, before, after });
    }
    return changes;
  }
}

/** Equal uid and resourceVersion mean an equal object; that is what a resourceVersion is. */
function same(a: KubeObject | undefined, b: KubeObject): boolean {
  return (
    a !== undefined &&
    a.metadata.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata.resourceVersion &&
    a.metadata.uid === b.metadata.uid
  );
}
