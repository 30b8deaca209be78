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
        `${layer.type} ${shown} ${stays ? 'is' : 'is not'} within ${layer.withinPercent} % of ${best}`,
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
  /** In words. */
  best: string;
}

function splitBy(
  { type, withinPercent }: LayerBody,
  candidates: readonly Candidate[],
  context: StrategyContext,
): Split {
  const values = new Map(candidates.map((candidate) => [candidate, MEASURES[type](candidate, context)]));
  const known = [...values.values()].filter((value) => value !== undefined);
  if (known.length === 0) return { kept: [...candidates], left: [], best: 'nothing known' };
  const more = type === 'Quality';
  const best = more ? Math.max(...known) : Math.min(...known);
  const limit = more ? best * (1 - withinPercent / 100) : best * (1 + withinPercent / 100);
  const stays = (candidate: Candidate): boolean => {
    const value = values.get(candidate);
    // What has not been seen yet is let through to be seen; an unknown price or score is none that could be good enough.
    if (value === undefined) return type === 'Latency' || type === 'Throughput';
    return more ? value >= limit : value <= limit;
  };
  const worst = more ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const of = (candidate: Candidate): number => values.get(candidate) ?? worst;
  const left = candidates.filter((candidate) => !stays(candidate));
  left.sort((a, b) => (of(a) === of(b) ? 0 : (of(a) - of(b)) * (more ? -1 : 1)));
  return { kept: candidates.filter(stays), left, best: shownAs(type, best) };
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
