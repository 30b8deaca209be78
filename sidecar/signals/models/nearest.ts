/** Which intent a prompt is nearest to: each intent is as near as the nearest of its examples. */
import type { IntentsBody } from '../../snapshot/shapes/signals.ts';
import type { Vectors } from '../../snapshot/vectors.ts';
import { decideIntent } from '../intents.ts';
import type { Scored } from '../lexical/classifier.ts';
import { type Reading, unknown } from '../reading.ts';

/** `vectors` of all examples, in the order of the list. */
export function nearestIntent(
  query: readonly number[],
  vectors: Vectors,
  intents: Pick<IntentsBody, 'list' | 'minScorePercent' | 'marginPercent'>,
): Reading<string> {
  if (query.length !== vectors.dimensions) {
    return unknown(`the prompt has ${query.length} dimensions, the examples have ${vectors.dimensions}`);
  }
  const norm = normOf(query);
  const ranked: Scored[] = [];
  let index = 0;
  for (const { name, examples } of intents.list) {
    let score = -100;
    for (let i = 0; i < examples.length; i++) {
      score = Math.max(score, 100 * cosine(query, norm, vectors, index++));
    }
    ranked.push({ name, score });
  }
  return decideIntent(
    ranked.sort((a, b) => b.score - a.score),
    intents,
  );
}

/** Cosine between `query` and the vector at `index`; 0 where one of them has no direction. */
function cosine(query: readonly number[], norm: number, vectors: Vectors, index: number): number {
  const { dimensions, components, norms } = vectors;
  const of = (norms[index] as number) * norm;
  if (of === 0) return 0;
  const start = index * dimensions;
  let dot = 0;
  for (let i = 0; i < dimensions; i++) dot += (query[i] as number) * (components[start + i] as number);
  return dot / of;
}

function normOf(vector: readonly number[]): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}
