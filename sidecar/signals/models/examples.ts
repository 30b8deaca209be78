/**
 * The vectors of a route's examples: from the snapshot where the operator made them, else asked for here, once, with the
 * first prompt that needs them. They outlive a configuration as long as the examples and the model stay.
 */
import { hash } from 'node:crypto';
import type { Ask } from '../../internal/asker.ts';
import type { TableRoute } from '../../routing/table.ts';
import type { Clock } from '../../snapshot/clock.ts';
import { readVectors } from '../../snapshot/embeddings-answer.ts';
import type { EmbeddingsBody, IntentsBody } from '../../snapshot/shapes/signals.ts';
import { packVectors, unpackVectors, type Vectors } from '../../snapshot/vectors.ts';

/** `failed`: why there are none now. */
export type Examples = { vectors: Vectors } | { failed: string };

interface Entry {
  vectors: Vectors | undefined;
  asking: Promise<Examples> | undefined;
  problem: string;
  /** Until then nobody asks again. */
  notBefore: number;
  failures: number;
}

/** Texts in one request: fewer than any vendor takes. */
const BATCH = 64;
const TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 300_000;
/** Routes whose vectors are kept; what was used longest ago goes first. */
const MOST_SETS = 8;
const MOST_INPUT_TOKENS = 128 * 1024;

export class ExampleSets {
  readonly #ask: Ask;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<IntentsBody, string>();

  constructor(ask: Ask, clock: Pick<Clock, 'monotonic'>) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Without a promise where they are at hand, or nobody may be asked now. */
  get(route: TableRoute, intents: IntentsBody, embeddings: EmbeddingsBody): Examples | Promise<Examples> {
    const entry = this.#entry(this.#keyOf(intents, embeddings));
    if (entry.vectors) return { vectors: entry.vectors };
    const count = intents.list.reduce((sum, { examples }) => sum + examples.length, 0);
    const sent = route.signals.vectors;
    entry.vectors = sent && unpackVectors(sent, count);
    if (entry.vectors) return { vectors: entry.vectors };
    if (entry.asking) return entry.asking;
    if (this.#clock.monotonic() < entry.notBefore) return { failed: entry.problem };
    entry.asking = this.#fetch(route, intents, embeddings, entry);
    return entry.asking;
  }

  /** Never rejects. */
  async #fetch(
    route: TableRoute,
    intents: IntentsBody,
    embeddings: EmbeddingsBody,
    entry: Entry,
  ): Promise<Examples> {
    const made = await this.#askAll(route, intents, embeddings);
    entry.asking = undefined;
    if ('vectors' in made) {
      entry.vectors = made.vectors;
      entry.failures = 0;
      return made;
    }
    entry.problem = made.failed;
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(entry.failures++, 16));
    entry.notBefore = this.#clock.monotonic() + wait;
    return made;
  }

  async #askAll(
    route: TableRoute,
    { list }: IntentsBody,
    { target, dimensions }: EmbeddingsBody,
  ): Promise<Examples> {
    const rule = route.asking.Intents;
    if (!rule) return { failed: 'the route names no model for vectors' };
    const texts = list.flatMap(({ examples }) => examples);
    const all: number[][] = [];
    for (let at = 0; at < texts.length; at += BATCH) {
      const input = texts.slice(at, at + BATCH);
      // One after the other: no prompt hangs on it, and a provider's limits do.
      const asked = await this.#ask({
        purpose: 'Intents',
        route,
        rule,
        dialect: 'Embeddings',
        body: { model: target.model, input, ...(dimensions !== undefined && { dimensions }) },
        timeoutMs: TIMEOUT_MS,
        maxInputTokens: MOST_INPUT_TOKENS,
      });
      if (!asked.ok) return { failed: `no vectors of the examples: ${asked.detail}` };
      const vectors = readVectors(asked.answer, input.length);
      if (!vectors) return { failed: 'the answer has not one vector for each example' };
      all.push(...vectors);
    }
    const vectors = packVectors(all);
    return vectors
      ? { vectors }
      : { failed: 'the vectors of the examples differ in length, or take too much room' };
  }

  #keyOf(intents: IntentsBody, { target, dimensions }: EmbeddingsBody): string {
    let key = this.#keys.get(intents);
    if (key === undefined) {
      key = hash('sha256', JSON.stringify([target, dimensions, intents.list]), 'base64');
      this.#keys.set(intents, key);
    }
    return key;
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry) this.#entries.delete(key);
    else {
      const [oldest] = this.#entries.size >= MOST_SETS ? this.#entries.keys() : [];
      if (oldest !== undefined) this.#entries.delete(oldest);
      entry = { vectors: undefined, asking: undefined, problem: '', notBefore: 0, failures: 0 };
    }
    this.#entries.set(key, entry);
    return entry;
  }
}
