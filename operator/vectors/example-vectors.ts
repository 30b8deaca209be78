/**
 * Keeps the vectors of examples that routes need: asked for once, kept while a route needs them, tried again where a provider
 * fails. Each replica asks for itself; nothing is stored, since asking anew costs less than a cent, and sidecars
 * that have them go on using them.
 */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import type { VectorsBody } from '../../sidecar/snapshot/shapes/signals.ts';
import { packVectors, vectorsBody } from '../../sidecar/snapshot/vectors.ts';
import type { KnownVectors, VectorsWanted } from '../compile/example-vectors.ts';
import type { Log } from '../watch/log.ts';

export interface ExampleVectorsOptions {
  /** One vector for each text, in order. Rejects with a sentence; NotDialled where it never will. */
  ask(
    wanted: Pick<VectorsWanted, 'url' | 'isDefault' | 'headers' | 'body'>,
    texts: readonly string[],
  ): Promise<number[][]>;
  clock: Pick<Clock, 'after'>;
  log: Log;
  /** Vectors came. */
  changed(): void;
}

/** The operator does not call there. */
export class NotDialled extends Error {}

interface Entry {
  wanted: VectorsWanted;
  vectors: VectorsBody | undefined;
  failures: number;
  timer: Timer | undefined;
}

const BATCH = 64;
const RETRY = { baseMs: 5_000, maxMs: 600_000 };
/** Routes whose vectors are kept, and bytes of them all in base64. */
const MOST_ENTRIES = 256;
const MOST_BYTES = 64 * 1024 * 1024;
/** Of one snapshot's share: what is larger the sidecars ask for themselves. */
const MOST_BYTES_EACH = 1024 * 1024;

export class ExampleVectors {
  readonly #options: ExampleVectorsOptions;
  readonly #entries = new Map<string, Entry>();
  #stopped = false;

  constructor(options: ExampleVectorsOptions) {
    this.#options = options;
  }

  known(): KnownVectors {
    const known = new Map<string, VectorsBody>();
    for (const [key, { vectors }] of this.#entries) if (vectors) known.set(key, vectors);
    return known;
  }

  /** What is wanted from now on; what is not named is forgotten. */
  update(all: readonly VectorsWanted[]): void {
    if (this.#stopped) return;
    const named = new Set(all.map(({ key }) => key));
    for (const [key, entry] of this.#entries) if (!named.has(key)) this.#forget(key, entry);
    for (const wanted of all) {
      const known = this.#entries.get(wanted.key);
      // A key may have been rotated.
      if (known) known.wanted = wanted;
      else if (this.#entries.size < MOST_ENTRIES) {
        const entry = { wanted, vectors: undefined, failures: 0, timer: undefined };
        this.#entries.set(wanted.key, entry);
        void this.#fetch(entry);
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const [key, entry] of this.#entries) this.#forget(key, entry);
  }

  #forget(key: string, entry: Entry): void {
    entry.timer?.cancel();
    this.#entries.delete(key);
  }

  /** Never rejects. */
  async #fetch(entry: Entry): Promise<void> {
    const { log } = this.#options;
    const { key, texts } = entry.wanted;
    const isWanted = () => !this.#stopped && this.#entries.get(key) === entry;
    try {
      const list: number[][] = [];
      for (let at = 0; at < texts.length && isWanted(); at += BATCH) {
        list.push(...(await this.#options.ask(entry.wanted, texts.slice(at, at + BATCH))));
      }
      if (!isWanted()) return;
      const packed = packVectors(list);
      if (!packed) throw new Error('the vectors differ in length, or take too much room');
      const vectors = vectorsBody(packed);
      if (vectors.data.length > Math.min(MOST_BYTES_EACH, MOST_BYTES - this.#bytes())) {
        log.info(
          { examples: texts.length },
          'vectors of examples are too large for snapshots; sidecars ask for them',
        );
        return;
      }
      entry.vectors = vectors;
      log.info(
        { examples: texts.length, dimensions: vectors.dimensions },
        'examples of a route have vectors',
      );
      this.#options.changed();
    } catch (error) {
      if (!isWanted()) return;
      const reason = error instanceof Error ? error.message : 'it failed';
      if (entry.failures++ === 0) {
        log.info(
          { examples: texts.length, reason },
          'examples have no vectors from here; sidecars ask for them',
        );
      }
      if (error instanceof NotDialled) return;
      const wait = Math.min(RETRY.maxMs, RETRY.baseMs * 2 ** Math.min(entry.failures - 1, 16));
      entry.timer = this.#options.clock.after(wait, () => {
        entry.timer = undefined;
        void this.#fetch(entry);
      });
    }
  }

  #bytes(): number {
    let bytes = 0;
    for (const { vectors } of this.#entries.values()) bytes += vectors?.data.length ?? 0;
    return bytes;
  }
}
