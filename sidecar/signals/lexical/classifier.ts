/**
 * Intents by example without a model: logistic regression over hashed words and parts of words. It is trained when a
 * configuration arrives, always to the same weights, in bounded time and memory.
 */
import type { IntentBody } from '../../snapshot/shapes/signals.ts';
import { BUCKETS, type FeatureVector, featuresOf } from './features.ts';

export interface Scored {
  name: string;
  /** 0 to 100. */
  score: number;
}

export interface LexicalClassifier {
  /** All intents, the best first; equal ones by name. The text is what the caller deems enough of the prompt. */
  classify(text: string): Scored[];
}

/** Passes over the examples. */
const PASSES = 12;
const RATE = 4;
/** Multiplications that training may take, about 0.1 s; with more examples there are fewer passes, two at least. */
const MOST_WORK = 40_000_000;
/** Known wording from which on a prompt counts in full. */
const FAMILIAR = 0.3;

export function trainLexical(intents: readonly IntentBody[]): LexicalClassifier {
  const examples = intents.flatMap(({ examples: texts }, intent) =>
    texts.map((text) => ({ intent, vector: featuresOf(text), share: 1 / texts.length })),
  );
  const width = intents.length;
  const weights = new Float32Array(BUCKETS * width);
  const bias = new Float32Array(width);
  const known = new Uint8Array(BUCKETS / 8);
  let size = 0;
  for (const { vector } of examples) {
    size += vector.buckets.length;
    for (const bucket of vector.buckets) known[bucket >> 3] = (known[bucket >> 3] ?? 0) | (1 << (bucket & 7));
  }
  const passes = Math.max(2, Math.min(PASSES, Math.floor(MOST_WORK / Math.max(1, 2 * size * width))));
  const average = examples.length / width;
  const out = new Float64Array(width);
  const stride = strideOf(examples.length);
  for (let pass = 0; pass < passes; pass++) {
    const rate = RATE / (1 + pass / 4);
    for (let n = 0, at = pass; n < examples.length; n++, at += stride) {
      const { intent, vector, share } = examples[at % examples.length] as (typeof examples)[number];
      scores(vector, weights, bias, out);
      // Intents with few examples weigh as much as those with many.
      const step = rate * share * average;
      for (let k = 0; k < width; k++) out[k] = step * ((k === intent ? 1 : 0) - (out[k] as number));
      const { buckets, weights: values } = vector;
      for (let i = 0; i < buckets.length; i++) {
        const base = (buckets[i] as number) * width;
        const value = values[i] as number;
        for (let k = 0; k < width; k++)
          weights[base + k] = (weights[base + k] as number) + (out[k] as number) * value;
      }
      for (let k = 0; k < width; k++) bias[k] = (bias[k] as number) + 0.02 * (out[k] as number);
    }
  }
  return {
    classify(text) {
      const vector = featuresOf(text);
      scores(vector, weights, bias, out);
      const sure = Math.min(1, familiarity(vector, known) / FAMILIAR);
      return intents
        .map(({ name }, k) => ({ name, score: Math.round(100 * sure * (out[k] as number)) }))
        .sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
    },
  };
}

/** Fills `out` with the share of each intent; they sum up to 1. */
function scores(vector: FeatureVector, weights: Float32Array, bias: Float32Array, out: Float64Array): void {
  const width = out.length;
  for (let k = 0; k < width; k++) out[k] = bias[k] as number;
  const { buckets, weights: values } = vector;
  for (let i = 0; i < buckets.length; i++) {
    const base = (buckets[i] as number) * width;
    const value = values[i] as number;
    for (let k = 0; k < width; k++) out[k] = (out[k] as number) + (weights[base + k] as number) * value;
  }
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < width; k++) most = Math.max(most, out[k] as number);
  let sum = 0;
  for (let k = 0; k < width; k++) sum += out[k] = Math.exp((out[k] as number) - most);
  for (let k = 0; k < width; k++) out[k] = (out[k] as number) / sum;
}

/** How much of a prompt's wording occurs in any example, 0 to 1. */
function familiarity({ buckets, weights }: FeatureVector, known: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < buckets.length; i++) {
    const bucket = buckets[i] as number;
    if (((known[bucket >> 3] as number) & (1 << (bucket & 7))) !== 0) sum += (weights[i] as number) ** 2;
  }
  return sum;
}

/** Steps through all examples once in an order that mixes the intents, always the same. */
function strideOf(count: number): number {
  const divides = (a: number, b: number): number => (b === 0 ? a : divides(b, a % b));
  let stride = Math.max(1, Math.floor(count * 0.618));
  while (divides(count, stride) !== 1) stride++;
  return stride;
}
