/**
 * Answers to questions in other words. Only questions that are alike in everything but the words of the user are compared:
 * system prompt, tools, format, parameters and tenant are in the fingerprint. Whatever fails is a miss.
 */
import type { Exchange } from '../../exchange.ts';
import type { Ask } from '../../internal/asker.ts';
import { readVectors } from '../../snapshot/embeddings-answer.ts';
import type { CachedAnswer } from '../answer.ts';
import type { Keyed } from '../asked.ts';
import { fingerprint } from '../key.ts';
import { note } from '../notes.ts';
import type { AnswerStore } from '../store.ts';
import { direction, type KnownQuestion, nearest } from './nearest.ts';

const CHATS: ReadonlySet<string> = new Set(['openai-chat', 'openai-responses', 'anthropic-messages']);
/** Tells these answers from exact ones in the same store. */
const KEY_PREFIX = '~';

interface Question {
  fingerprint: string;
  vector: Float32Array;
}

/** By fingerprint, and of each by key. */
type Index = Map<string, Map<string, KnownQuestion>>;

interface Part {
  index: Index;
  /** Fingerprints by key, the oldest first. */
  keys: Map<string, string>;
}

export class SemanticAnswers {
  readonly #ask: Ask;
  readonly #store: AnswerStore;
  readonly #parts = new Map<string, Part>();
  /** Of requests that are under way: what was asked is not there any more when the answer is. */
  readonly #questions = new WeakMap<Exchange, Question>();

  constructor(ask: Ask, store: AnswerStore) {
    this.#ask = ask;
    this.#store = store;
  }

  async find(asked: Keyed): Promise<CachedAnswer | undefined> {
    const { exchange, part, cache } = asked;
    const question = await this.#question(asked);
    if (!question) return undefined;
    this.#questions.set(exchange, question);
    const near = this.#parts.get(part)?.index.get(question.fingerprint);
    const best = near && nearest(question.vector, near.values());
    const { minSimilarityPercent = 100 } = cache.semantic ?? {};
    if (!best) {
      note(exchange, 'NoneAlike', 'no answered question differs in its words only');
      return undefined;
    }
    const words = `the nearest answered question is ${best.percent} % similar, ${minSimilarityPercent} % needed`;
    note(exchange, best.percent >= minSimilarityPercent ? 'Alike' : 'NoneAlike', words);
    if (best.percent < minSimilarityPercent) return undefined;
    const answer = this.#store.get(part, best.question.key);
    return answer && { ...answer, similarityPercent: best.percent };
  }

  keep({ exchange, part: name, key, cache }: Keyed, answer: CachedAnswer): void {
    const question = this.#questions.get(exchange);
    if (!question || !cache.semantic) return;
    const own = KEY_PREFIX + key;
    const extra = question.vector.byteLength;
    if (!this.#store.put(name, own, answer, { maxBytes: cache.maxBytes, extra })) return;
    let part = this.#parts.get(name);
    if (!part) {
      part = { index: new Map(), keys: new Map() };
      this.#parts.set(name, part);
    }
    const { index, keys } = part;
    const alike = index.get(question.fingerprint) ?? new Map<string, KnownQuestion>();
    index.set(question.fingerprint, alike);
    alike.set(own, { vector: question.vector, key: own });
    keys.set(own, question.fingerprint);
    while (keys.size > cache.semantic.maxEntries) {
      const [oldest] = keys.keys();
      if (oldest === undefined) return;
      this.#store.delete(name, oldest);
    }
  }

  /** The store has let go of an answer. */
  gone(name: string, key: string): void {
    const part = this.#parts.get(name);
    const print = part?.keys.get(key);
    if (!part || print === undefined) return;
    part.keys.delete(key);
    const alike = part.index.get(print);
    alike?.delete(key);
    if (alike?.size === 0) part.index.delete(print);
    if (part.keys.size === 0) this.#parts.delete(name);
  }

  async #question(asked: Keyed): Promise<Question | undefined> {
    const { exchange, facts, rule, route, parts, cache } = asked;
    const { envelope } = exchange;
    const { semantic } = cache;
    if (!semantic || !rule.vectors || !envelope || !isPlain(asked)) return undefined;
    const { embeddings } = semantic;
    const input = facts.userText().join('\n').trim();
    if (input === '' || facts.inputTokens > embeddings.maxInputTokens) return undefined;
    // Before anything is awaited: the body may go.
    const print = fingerprint(parts, envelope, envelope.userText);
    const { constraints } = rule.body;
    const asking = await this.#ask({
      purpose: 'Cache',
      route,
      rule: rule.vectors,
      dialect: 'Embeddings',
      body: {
        model: embeddings.target.model,
        input: [input],
        ...(embeddings.dimensions !== undefined && { dimensions: embeddings.dimensions }),
      },
      timeoutMs: embeddings.timeoutMs,
      maxInputTokens: embeddings.maxInputTokens,
      demands: constraints ? [constraints] : [],
      classification: facts.classification,
      parent: exchange,
    });
    if (!asking.ok) {
      note(exchange, 'NoVector', asking.detail);
      return undefined;
    }
    const [numbers] = readVectors(asking.answer, 1) ?? [];
    const vector = numbers && direction(numbers);
    if (vector) return { fingerprint: print, vector };
    note(exchange, 'NoVector', 'the answer is no vector');
    return undefined;
  }
}

/** One question of one user, and nothing besides its words. */
function isPlain({ facts, exchange }: Keyed): boolean {
  const { envelope } = exchange;
  if (!envelope || !CHATS.has(facts.dialect) || facts.tools || facts.choices > 1) return false;
  const { attachments, roles } = envelope;
  if (attachments.images + attachments.audio + attachments.files > 0) return false;
  return facts.turns === 1 && !roles.assistant && !roles.tool && !roles.function;
}
