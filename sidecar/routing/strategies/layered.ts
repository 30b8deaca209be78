/**
 * One measure after the other: each layer keeps the targets within so many percent of its best, and the next one chooses among
 * those. What the last one keeps shares by weight. What a layer leaves behind follows in the order of that layer, the last
 * layer's first: it was nearest to being chosen.
 */
import type { LayerBody } from '../../snapshot/shapes/strategy.ts';
import { costOf, latencyOf, loadOf, paceOf, qualityOf } from '../measures.ts';
import type { Candidate } from '../plan.ts';
import { sortRange } from './by-measure.ts';
import { stalest } from './stalest.ts';
import type { Strategy, StrategyContext } from './strategy.ts';
import { drawRange } from './weighted.ts';

type Measure = (candidate: Candidate, context: StrategyContext) => number | undefined;

/** Undefined: not known. Less is better, but for Quality. */
const MEASURES: Readonly<Record<LayerBody['type'], Measure>> = {
  Cost: costOf,
  Latency: latencyOf,
  Throughput: paceOf,
  LeastRequests: loadOf,
  Quality: qualityOf,
};

/** How far each is from the best there could be, by position in the rule: less is better, whatever is measured. */
const off = new Float64Array(256);

export const LAYERED: Strategy = {
  type: 'Layered',
  order(candidates, context) {
    if (candidates.length < 2) return;
    const { layers = [] } = context.rule.strategy;
    let count = candidates.length;
    let seen = false;
    for (const layer of layers) {
      measureAll(layer.type, candidates, count, context);
      count = split(layer, candidates, count, context.random);
      seen ||= isSeen(layer.type);
    }
    drawRange(candidates, 0, count, context.random);
    if (!seen) return;
    const tried = stalest(candidates, context);
    if (tried > 0) candidates.unshift(...candidates.splice(tried, 1));
  },
  describe(candidate, context, among) {
    const { layers = [] } = context.rule.strategy;
    const said: string[] = [];
    const candidates = [...among];
    let count = candidates.length;
    for (const { type, withinPercent } of layers) {
      const best = measureAll(type, candidates, count, context);
      const value = off[candidate.index] as number;
      count = split({ type, withinPercent }, candidates, count, FIRST);
      const stays = candidates.indexOf(candidate) < count;
      const shown = value === UNKNOWN ? 'not known' : shownAs(type, Math.abs(value));
      said.push(
        best === UNKNOWN
          ? `${type} not known of any`
          : `${type} ${shown} ${stays ? 'is' : 'is not'} within ${withinPercent} % of ${shownAs(type, Math.abs(best))}`,
      );
      if (!stays) break;
    }
    return said.join('; ');
  },
};

const UNKNOWN = Number.POSITIVE_INFINITY;
/** In place of chance, where nothing is chosen. */
const FIRST = (): number => 0;

/** What is measured by asking: it is not known before. */
const isSeen = (type: LayerBody['type']): boolean => type === 'Latency' || type === 'Throughput';

/** Measures the first so many; gives the best. Scores count below zero, so that less is better. */
function measureAll(
  type: LayerBody['type'],
  candidates: readonly Candidate[],
  count: number,
  context: StrategyContext,
): number {
  const measure = MEASURES[type];
  const sign = type === 'Quality' ? -1 : 1;
  let best = UNKNOWN;
  for (let i = 0; i < count; i++) {
    const candidate = candidates[i] as Candidate;
    const value = measure(candidate, context);
    off[candidate.index] = value === undefined ? UNKNOWN : sign * value;
    if (value !== undefined && sign * value < best) best = sign * value;
  }
  return best;
}

/** Puts what the layer keeps of the first so many in front, what it leaves behind them, the nearest first; gives how many it keeps. */
function split(
  { type, withinPercent }: LayerBody,
  candidates: Candidate[],
  count: number,
  random: () => number,
): number {
  let best = UNKNOWN;
  for (let i = 0; i < count; i++) best = Math.min(best, of(candidates[i] as Candidate));
  if (best === UNKNOWN) return count;
  const limit = best + (Math.abs(best) * withinPercent) / 100;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const candidate = candidates[i] as Candidate;
    const value = of(candidate);
    // What has not been seen yet is let through to be seen; an unknown price or score is none that could be good enough.
    if (value > limit && (value !== UNKNOWN || !isSeen(type))) continue;
    candidates[i] = candidates[kept] as Candidate;
    candidates[kept++] = candidate;
  }
  sortRange(candidates, kept, count, off, random);
  return kept;
}

const of = ({ index }: Candidate): number => off[index] as number;

function shownAs(type: LayerBody['type'], value: number): string {
  switch (type) {
    case 'Cost':
      return `$${(value / 1e12).toPrecision(3)}`;
    case 'Latency':
      return `${Math.round(value)} ms`;
    case 'Throughput':
      return `${value.toFixed(1)} ms a token`;
    case 'Quality':
      return value.toFixed(1);
    case 'LeastRequests':
      return `${value.toFixed(2)} under way for its weight`;
  }
}
