/** The configuration that runs: one effective snapshot, swapped as a whole, with what was refused and why. */
import { type Clock, systemClock } from './clock.ts';
import type { EffectiveSnapshot } from './effective.ts';
import { evaluate } from './evaluate.ts';
import type { Acknowledgement, ItemException } from './messages.ts';
import { PREVIOUS, type Previous } from './previous.ts';
import { readSnapshot } from './read-snapshot.ts';
import type { Snapshot, SnapshotItem } from './schema.ts';
import { validateItem } from './validate.ts';

export interface HolderStatus {
  /** Where what runs came from; `None`: nothing runs yet. */
  origin: 'None' | 'Live' | 'LastKnownGood';
  /** It runs on what it remembers: no live configuration has arrived since the start. */
  degraded: boolean;
  /** Empty before the first snapshot. */
  hash: string;
  /** Milliseconds since this was known to be current; undefined before the first snapshot. */
  ageMs: number | undefined;
  exceptions: readonly ItemException[];
}

export interface HolderOptions {
  /** Whose version acknowledgements carry. */
  credentials?: { readonly version: string };
  clock?: Clock;
  /** What an item of the previous version of snapshots is in this one. */
  previous?: Previous;
  /** A listener threw; the swap stands. */
  onListenerError?: (error: unknown) => void;
}

/** What a restart needs to run the same again. */
export interface Remembered {
  snapshot: Snapshot;
  /** Older versions that run instead of items of the snapshot. */
  kept: SnapshotItem[];
}

export class ConfigHolder {
  readonly #credentials: { readonly version: string } | undefined;
  readonly #clock: Clock;
  readonly #previous: Previous | undefined;
  readonly #onListenerError: (error: unknown) => void;
  readonly #listeners = new Set<(effective: EffectiveSnapshot) => void>();
  #snapshot: Snapshot | undefined;
  #effective: EffectiveSnapshot | undefined;
  #exceptions: ItemException[] = [];
  #held = new Map<string, SnapshotItem>();
  #keptKeys: ReadonlyMap<string, string> = new Map();
  #origin: HolderStatus['origin'] = 'None';
  #currentAt = 0;

  constructor(options: HolderOptions = {}) {
    this.#credentials = options.credentials;
    this.#clock = options.clock ?? systemClock;
    this.#previous = options.previous ?? PREVIOUS;
    this.#onListenerError = options.onListenerError ?? (() => {});
  }

  /** Undefined until a first snapshot was applied. */
  get effective(): EffectiveSnapshot | undefined {
    return this.#effective;
  }

  /** Hash of the last snapshot that was evaluated; empty before the first. */
  get hash(): string {
    return this.#effective?.hash ?? '';
  }

  /** Evaluates item by item and swaps. Throws SnapshotRefused, and changes nothing, when the snapshot as a whole is unusable. */
  apply(snapshot: Snapshot): Acknowledgement {
    this.#swap(readSnapshot(snapshot, this.#previous), 'Live', 0);
    return this.acknowledgement();
  }

  /** Starts from what was remembered `ageMs` ago. Throws SnapshotRefused like `apply`. */
  restore(remembered: Remembered, ageMs: number): void {
    const snapshot = readSnapshot(remembered.snapshot, this.#previous);
    for (const item of remembered.kept) {
      const verified = validateItem(item);
      if (verified.ok && verified.item.state === 'Valid') this.#held.set(verified.item.id, verified.item);
    }
    this.#swap(snapshot, 'LastKnownGood', ageMs);
  }

  /** The control plane said that `hash` is what should run; true when it does. */
  confirm(hash: string): boolean {
    if (hash !== this.hash) return false;
    this.#origin = 'Live';
    this.#currentAt = this.#clock.monotonic();
    return true;
  }

  /** Keys, by id and version, that what runs may use although they are not handed out any more. */
  get keptKeys(): ReadonlyMap<string, string> {
    return this.#keptKeys;
  }

  acknowledgement(): Acknowledgement {
    return {
      hash: this.hash,
      credentialsVersion: this.#credentials?.version ?? '',
      exceptions: [...this.#exceptions],
    };
  }

  status(): HolderStatus {
    return {
      origin: this.#origin,
      degraded: this.#origin === 'LastKnownGood',
      hash: this.hash,
      ageMs: this.#effective && this.#clock.monotonic() - this.#currentAt,
      exceptions: this.#exceptions,
    };
  }

  /** Undefined until something runs. */
  remembered(): Remembered | undefined {
    if (!this.#snapshot) return undefined;
    const kept: SnapshotItem[] = [];
    for (const { id, state } of this.#exceptions) {
      const item = state === 'Stale' ? this.#held.get(id) : undefined;
      if (item) kept.push(item);
    }
    return { snapshot: this.#snapshot, kept };
  }

  /** Called after every swap; returns the way to stop listening. */
  onChange(listener: (effective: EffectiveSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #swap(snapshot: Snapshot, origin: HolderStatus['origin'], ageMs: number): void {
    const evaluation = evaluate(snapshot, this.#held, this.#previous);
    this.#snapshot = snapshot;
    this.#effective = evaluation.effective;
    this.#exceptions = evaluation.exceptions;
    this.#held = evaluation.held;
    this.#keptKeys = evaluation.keptKeys;
    this.#origin = origin;
    this.#currentAt = this.#clock.monotonic() - ageMs;
    for (const listener of this.#listeners) {
      try {
        listener(evaluation.effective);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}
