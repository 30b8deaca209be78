/** The intent of a prompt: the best of the route's, or `none` where it is not sure enough of it. */
import type { IntentsBody } from '../snapshot/shapes/signals.ts';
import { type LexicalClassifier, type Scored, trainLexical } from './lexical/classifier.ts';
import { known, type Reading } from './reading.ts';

export const NO_INTENT = 'none';

/** `ranked`: the best first. The same rule for every method. */
export function decideIntent(
  ranked: readonly Scored[],
  { minScorePercent, marginPercent }: Pick<IntentsBody, 'minScorePercent' | 'marginPercent'>,
): Reading<string> {
  const [best, next] = ranked;
  if (!best) return known(NO_INTENT, `intent ${NO_INTENT}`);
  const scores = next ? `${shown(best)}, next ${shown(next)}` : shown(best);
  const none = (needed: string) => known(NO_INTENT, `intent ${NO_INTENT}: ${scores}, ${needed} needed`);
  if (best.score < minScorePercent) return none(String(minScorePercent));
  if (next && best.score - next.score < marginPercent) return none(`${marginPercent} apart`);
  return known(best.name, `intent ${scores}`);
}

const shown = ({ name, score }: Scored): string => `${name} ${Number(score.toFixed(1))}`;

/** Trained classifiers that are kept: most configurations change something else. */
const MOST_KEPT = 8;
const kept = new Map<string, LexicalClassifier>();

/** Trains once for the same examples; what was not asked for longest goes first. */
export function lexicalFor({ list }: IntentsBody): LexicalClassifier {
  const key = JSON.stringify(list);
  const classifier = kept.get(key) ?? trainLexical(list);
  kept.delete(key);
  kept.set(key, classifier);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  return classifier;
}
