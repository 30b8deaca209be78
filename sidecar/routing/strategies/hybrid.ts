/**
 * Several measures at once: the sum of each one's weight times the logarithm of its multiple of the rule's rolling median.
 * Logarithms make the order independent of units and of other targets: a reference is the same for all of them, so adding a
 * target that is worse in everything never reorders the rest. It only makes the numbers readable: 0 is the median target.
 */
import type { HybridBody } from '../../snapshot/shapes/strategy.ts';
import { costOf, latencyOf, loadOf, qualityOf } from '../measures.ts';
import type { Candidate } from '../plan.ts';
import { byMeasure } from './by-measure.ts';
import { median } from './reference.ts';
import { stalest } from './stalest.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

type Name = keyof HybridBody;

/** Free is cheaper than any price, but not by every other measure put together: a thousandth of a nano-USD. */
const LEAST_PICO = 1;
/** Where a model has no score: neither good nor bad. */
const UNSCORED = 50;

/** Less is better; undefined: not known. */
const MEASURES: Readonly<
  Record<Name, (candidate: Candidate, context: StrategyContext) => number | undefined>
> = {
  cost(candidate, context) {
    const cost = costOf(candidate, context);
    return cost === undefined ? undefined : Math.max(LEAST_PICO, cost);
  },
  latency: latencyOf,
  quality: (candidate, context) => 1 / Math.max(1, qualityOf(candidate, context) ?? UNSCORED),
  load: loadOf,
};
const NAMES = ['cost', 'latency', 'quality', 'load'] as const;

export const HYBRID: Strategy = {
  type: 'Hybrid',
  order(candidates, context) {
    const { hybrid = {} } = context.rule.strategy;
    const scores = scoresOf(candidates, context, hybrid);
    for (const name of NAMES) if (hybrid[name]) noteReference(name, candidates, context);
    byMeasure(candidates, context, ({ index }) => scores.get(index) ?? 0);
    const tried = hybrid.latency ? stalest(candidates, context) : 0;
    if (tried > 0) candidates.unshift(...candidates.splice(tried, 1));
  },
  describe(candidate, context, candidates) {
    const { hybrid = {} } = context.rule.strategy;
    const scores = scoresOf(candidates, context, hybrid);
    const parts = NAMES.filter((name) => hybrid[name]).map((name) => {
      const value = MEASURES[name](candidate, context);
      const reference = referenceOf(name, candidates, context);
      const known = value !== undefined && reference !== undefined;
      return `${name} ${known ? (value / reference).toFixed(2) : 'not known'} (weight ${hybrid[name]})`;
    });
    const score = (scores.get(candidate.index) ?? 0) - shiftOf(candidates, context, hybrid);
    const shown = Number.isFinite(score) ? score.toFixed(3) : 'last';
    return `score ${shown}: ${parts.join(', ')}, as multiples of the median target`;
  },
};

/** By position in the rule. The references are left out: they are the same for all. */
function scoresOf(
  candidates: readonly Candidate[],
  context: StrategyContext,
  weights: HybridBody,
): Map<number, number> {
  const scores = new Map<number, number>();
  for (const name of NAMES) {
    const weight = weights[name];
    if (!weight) continue;
    const values = candidates.map((candidate) => MEASURES[name](candidate, context));
    const unknown = unknownAs(name, values);
    for (let i = 0; i < candidates.length; i++) {
      const { index } = candidates[i] as Candidate;
      scores.set(index, (scores.get(index) ?? 0) + weight * Math.log(values[i] ?? unknown));
    }
  }
  return scores;
}

/**
 * What is not known, in a way that no further target changes but a better one: a price comes behind all that is priced, an
 * unseen target is taken to be as fast as the fastest, so that it is seen.
 */
function unknownAs(name: Name, values: readonly (number | undefined)[]): number {
  if (name === 'cost') return Number.POSITIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) if (value !== undefined && value < least) least = value;
  return least === Number.POSITIVE_INFINITY ? 1 : least;
}

const keyOf = (name: Name, { key }: StrategyContext): string => `${key} ${name}`;

function noteReference(name: Name, candidates: readonly Candidate[], context: StrategyContext): void {
  const middle = median(candidates.map((candidate) => MEASURES[name](candidate, context)));
  if (middle !== undefined) context.state.references.observe(keyOf(name, context), middle);
}

/** The rolling median; before the first request, the one of now. */
const referenceOf = (
  name: Name,
  candidates: readonly Candidate[],
  context: StrategyContext,
): number | undefined =>
  context.state.references.of(keyOf(name, context)) ??
  median(candidates.map((candidate) => MEASURES[name](candidate, context)));

function shiftOf(candidates: readonly Candidate[], context: StrategyContext, weights: HybridBody): number {
  let shift = 0;
  for (const name of NAMES) {
    const reference = weights[name] ? referenceOf(name, candidates, context) : undefined;
    if (reference !== undefined) shift += (weights[name] ?? 0) * Math.log(reference);
  }
  return shift;
}
