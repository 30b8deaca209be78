/**
 * The keys of this sidecar, by credential id. In memory only: nothing here is printed, logged or serialised.
 *
 * A new value replaces the old one at once. The old one stays reachable for a short grace, because a vendor may take a
 * moment to learn a new key: a 401 with the new value may be tried again with `previous`.
 */
import { type Clock, systemClock } from './clock.ts';
import type { CredentialSet } from './schema.ts';

export interface CredentialStoreOptions {
  /** Milliseconds that a replaced value stays available. */
  graceMs?: number;
  clock?: Clock;
}

const GRACE_MS = 120_000;
const NONE: ReadonlyMap<string, string> = new Map();

interface Entry {
  value: string;
  version: string | undefined;
  previous: { value: string; until: number } | undefined;
}

export class CredentialStore {
  readonly #graceMs: number;
  readonly #clock: Clock;
  #entries = new Map<string, Entry>();
  #version = '';

  constructor(options: CredentialStoreOptions = {}) {
    this.#graceMs = options.graceMs ?? GRACE_MS;
    this.#clock = options.clock ?? systemClock;
  }

  /** Version of the last complete set; empty before the first. */
  get version(): string {
    return this.#version;
  }

  get(id: string): string | undefined {
    return this.#entries.get(id)?.value;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Version of the value; undefined where there is none, or it came without. */
  versionOf(id: string): string | undefined {
    return this.#entries.get(id)?.version;
  }

  /** The value that `get` returned before the last rotation, for as long as the grace lasts. */
  previous(id: string): string | undefined {
    const previous = this.#entries.get(id)?.previous;
    return previous && this.#clock.monotonic() < previous.until ? previous.value : undefined;
  }

  /**
   * Adds and replaces, removes nothing: the first half of a change in which a new snapshot is swapped in, so that at no
   * moment a route runs whose key is not here. `apply` is the second half.
   */
  merge(set: CredentialSet): void {
    const now = this.#clock.monotonic();
    for (const { id, value, version } of set.credentials) {
      const entry = this.#entries.get(id);
      if (entry?.value === value) {
        entry.version = version;
        continue;
      }
      const previous = entry && { value: entry.value, until: now + this.#graceMs };
      this.#entries.set(id, { value, version, previous });
    }
  }

  /**
   * Takes the set as all there is: ids that are not in it are gone, their previous values too.
   * @param kept ids, with the version of the value, that stay if they are here in that version
   */
  apply(set: CredentialSet, kept: ReadonlyMap<string, string> = NONE): void {
    this.merge(set);
    const now = this.#clock.monotonic();
    const entries = new Map<string, Entry>();
    for (const { id } of set.credentials) {
      const entry = this.#entries.get(id);
      if (!entry) continue;
      if (entry.previous && entry.previous.until <= now) entry.previous = undefined;
      entries.set(id, entry);
    }
    for (const [id, version] of kept) {
      const entry = this.#entries.get(id);
      if (entry?.version === version && !entries.has(id)) entries.set(id, entry);
    }
    this.#entries = entries;
    this.#version = set.version;
  }

  /** The set as it was applied, for the one place that may keep it: a file in memory. */
  current(): CredentialSet {
    const credentials = [...this.#entries].map(([id, { value, version }]) => ({
      id,
      value,
      ...(version !== undefined && { version }),
    }));
    return { version: this.#version, credentials };
  }
}
