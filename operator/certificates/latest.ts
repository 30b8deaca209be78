/** A value that is replaced now and then, and those who want the newest. */

export interface Latest<T> {
  /** Undefined before the first. */
  readonly current: T | undefined;
  /** Calls `listener` at once where there is a value, and with every later one. Returns the way to stop listening. */
  subscribe(listener: (value: T) => void): () => void;
}

/** The side that sets it. Setting what is there already tells nobody. */
export class LatestValue<T> implements Latest<T> {
  readonly #same: (a: T, b: T) => boolean;
  readonly #listeners = new Set<(value: T) => void>();
  #current: T | undefined;

  constructor(same: (a: T, b: T) => boolean = Object.is) {
    this.#same = same;
  }

  get current(): T | undefined {
    return this.#current;
  }

  set(value: T): void {
    if (this.#current !== undefined && this.#same(this.#current, value)) return;
    this.#current = value;
    for (const listener of this.#listeners) listener(value);
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    if (this.#current !== undefined) listener(this.#current);
    return () => this.#listeners.delete(listener);
  }
}
