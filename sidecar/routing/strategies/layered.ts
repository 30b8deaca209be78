/**
 * One measure after the other: each layer keeps the targets within so many percent of its best, and the next one chooses among
 * those. What the last one keeps shares by weight. What a layer leaves behind follows in the order of that layer, the last
 * layer's first: it was nearest to being chosen.
 */
import type { LayerBody } from '../../snapshot/shapes/strategy.ts';
import { costOf, latencyOf, loadOf, paceOf, qualityOf } from '../measures.ts';
import type { Candidate } from '../plan.ts';
import { stalest } from './stalest.ts';
import type { Strategy, StrategyContext } from './strategy.ts';
import { WEIGHTED } from './weighted.ts';

type Measure = (candidate: Candidate, context: StrategyContext) => number | undefined;

/** Undefined: not known. Less is better, but for Quality. */
const MEASURES: Readonly<Record<LayerBody['type'], Measure>> = {
  Cost: costOf,
  Latency: latencyOf,
  Throughput: paceOf,
  LeastRequests: loadOf,
  Quality: qualityOf,
};

export const LAYERED: Strategy = {
  type: 'Layered',
  order(candidates, context) {
    const { layers = [] } = context.rule.strategy;
    WEIGHTED.order(candidates, context);
    let kept = [...candidates];
    let behind: Candidate[] = [];
    for (const layer of layers) {
      const split = splitBy(layer, kept, context);
      behind = [...split.left, ...behind];
      kept = split.kept;
    }
    const ordered = [...kept, ...behind];
    for (let i = 0; i < ordered.length; i++) candidates[i] = ordered[i] as Candidate;
    if (!layers.some(({ type }) => type === 'Latency' || type === 'Throughput')) return;
    const tried = stalest(candidates, context);
    if (tried > 0) candidates.unshift(...candidates.splice(tried, 1));
  },
  describe(candidate, context, candidates) {
    const { layers = [] } = context.rule.strategy;
    const said: string[] = [];
    let left: readonly Candidate[] = candidates;
    for (const layer of layers) {
      const { kept, best } = splitBy(layer, left, context);
      const value = MEASURES[layer.type](candidate, context);
      const stays = kept.includes(candidate);
      const shown = value === undefined ? 'not known' : shownAs(layer.type, value);
      said.push(
        best === undefined
          ? `${layer.type} not known of any`
          : `${layer.type} ${shown} ${stays ? 'is' : 'is not'} within ${layer.withinPercent} % of ${shownAs(layer.type, best)}`,
      );
      if (!stays) break;
      left = kept;
    }
    return said.join('; ');
  },
};

interface Split {
  kept: Candidate[];
  /** The nearest first. */
  left: Candidate[];
  /** Undefined: nothing is known. */
  best: number | undefined;
}

function splitBy(
  { type, withinPercent }: LayerBody,
  candidates: readonly Candidate[],
  context: StrategyContext,
): Split {
  const more = type === 'Quality';
  const measure = MEASURES[type];
  const values: (number | undefined)[] = [];
  let best: number | undefined;
  for (const candidate of candidates) {
    const value = measure(candidate, context);
    values.push(value);
    if (value !== undefined && (best === undefined || (more ? value > best : value < best))) best = value;
  }
  if (best === undefined) return { kept: [...candidates], left: [], best };
  const limit = more ? best * (1 - withinPercent / 100) : best * (1 + withinPercent / 100);
  // What has not been seen yet is let through to be seen; an unknown price or score is none that could be good enough.
  const unseenStays = type === 'Latency' || type === 'Throughput';
  const kept: Candidate[] = [];
  const left: { candidate: Candidate; off: number }[] = [];
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Candidate;
    const value = values[i];
    const stays = value === undefined ? unseenStays : more ? value >= limit : value <= limit;
    if (stays) kept.push(candidate);
    else
      left.push({ candidate, off: value === undefined ? Number.POSITIVE_INFINITY : more ? -value : value });
  }
  // Two unknowns have no difference.
  left.sort((a, b) => (a.off === b.off ? 0 : a.off - b.off));
  return { kept, left: left.map(({ candidate }) => candidate), best };
}

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
