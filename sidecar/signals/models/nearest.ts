/** Which intent a prompt is nearest to: each intent is as near as the nearest of its examples. */
import type { IntentsBody } from '../../snapshot/shapes/signals.ts';
import { known, type Reading, unknown } from '../reading.ts';
import { cosine, normOf, type Vectors } from './vectors.ts';

/** `vectors` of all examples, in the order of the list. */
export function nearestIntent(
  query: readonly number[],
  vectors: Vectors,
  { list, minScorePercent, marginPercent }: Pick<IntentsBody, 'list' | 'minScorePercent' | 'marginPercent'>,
): Reading<string> {
  if (query.length !== vectors.dimensions) {
    return unknown(`the prompt has ${query.length} dimensions, the examples have ${vectors.dimensions}`);
  }
  const norm = normOf(query);
  let best: { name: string; score: number } | undefined;
  let next: { name: string; score: number } | undefined;
  let index = 0;
  for (const { name, examples } of list) {
    let score = -100;
    for (let i = 0; i < examples.length; i++) {
      score = Math.max(score, 100 * cosine(query, norm, vectors, index++));
    }
    if (!best || score > best.score) [best, next] = [{ name, score }, best];
    else if (!next || score > next.score) next = { name, score };
  }
  if (!best) return unknown('the route lists no intents');
  const said = `${shown(best)}${next ? `, next ${shown(next)}` : ''}`;
  if (best.score < minScorePercent) return known('none', `intent none: ${said}, ${minScorePercent} needed`);
  const margin = next ? best.score - next.score : Number.POSITIVE_INFINITY;
  if (margin < marginPercent) return known('none', `intent none: ${said}, ${marginPercent} apart needed`);
  return known(best.name, `intent ${said}`);
}

const shown = ({ name, score }: { name: string; score: number }): string => `${name} ${score.toFixed(1)}`;
