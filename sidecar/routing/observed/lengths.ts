/**
 * How long answers are, per model, rule, size of the input and effort of reasoning: what a request will cost is decided
 * by what it has not said yet. Long-lived knowledge: it halves in half an hour, and what fades is tried again.
 */

/** Tokens of one answer. */
export interface AnswerLength {
  readonly output: number;
  /** Billed besides, shown or not. */
  readonly reasoning: number;
}

/** Before any answer of the kind was seen, of any model. */
const FIRST: AnswerLength = { output: 256, reasoning: 0 };
const HALF_LIFE_MS = 30 * 60_000;
const MOST_WEIGHT = 100;
/** How many answers of its own the answers of other models are worth. */
const OTHERS_WEIGHT = 1;
const MAX_KINDS = 64;
const MAX_POOLED = 512;

class Mean {
  output = 0;
  reasoning = 0;
  #weight = 0;
  #at = 0;

  weight(now: number): number {
    return this.#weight * 2 ** (-Math.max(0, now - this.#at) / HALF_LIFE_MS);
  }

  observe(length: AnswerLength, now: number): void {
    this.#weight = Math.min(MOST_WEIGHT, this.weight(now)) + 1;
    this.#at = now;
    this.output += (length.output - this.output) / this.#weight;
    this.reasoning += (length.reasoning - this.reasoning) / this.#weight;
  }
}

/** Of one model of one provider. */
export type ModelLengths = Map<string, Mean>;

/** An expectation, and how many answers of the model itself are behind it. */
export interface ExpectedLength extends AnswerLength {
  readonly seen: number;
}

export class Lengths {
  /** All models together, by kind. */
  readonly #pooled = new Map<string, Mean>();

  observe(own: ModelLengths, kind: string, ownKind: string, length: AnswerLength, now: number): void {
    at(own, ownKind, MAX_KINDS).observe(length, now);
    at(this.#pooled, kind, MAX_POOLED).observe(length, now);
  }

  /** `own`: undefined where nothing is known of the model at all. */
  expected(own: ModelLengths | undefined, kind: string, ownKind: string, now: number): ExpectedLength {
    const others = this.#pooled.get(kind) ?? FIRST;
    const mean = own?.get(ownKind);
    const seen = mean?.weight(now) ?? 0;
    if (mean === undefined || seen === 0)
      return { ...FIRST, output: others.output, reasoning: others.reasoning, seen: 0 };
    const all = seen + OTHERS_WEIGHT;
    return {
      output: (seen * mean.output + OTHERS_WEIGHT * others.output) / all,
      reasoning: (seen * mean.reasoning + OTHERS_WEIGHT * others.reasoning) / all,
      seen,
    };
  }
}

/** The one that was used longest ago goes first. */
function at(map: Map<string, Mean>, key: string, limit: number): Mean {
  const found = map.get(key) ?? new Mean();
  map.delete(key);
  if (map.size >= limit) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, found);
  return found;
}
