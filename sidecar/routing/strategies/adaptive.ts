/**
 * A contextual bandit: discounted Thompson sampling over kinds of requests. What an answer earns is its score less what it
 * costs and how long it takes, each relative to the rule's median target; a failed attempt earns nothing.
 *
 * Shares are drawn anew after a few requests of the kind, not for each: an arm is then chosen by its share, which is the
 * propensity that is logged.
 */

import type { AdaptiveBody } from '../../snapshot/shapes/strategy.ts';
import type { Shares } from '../learning/adaptive-memory.ts';
import {
  type ArmSums,
  type Belief,
  costIn,
  latencyIn,
  meanCost,
  meanLatency,
  scoreOf,
  scoresIn,
  successOf,
} from '../learning/arm.ts';
import { contextOf } from '../learning/contexts.ts';
import { type ArmBelief, expectedReward, sharesOf, type Weights } from '../learning/shares.ts';
import { costOf, latencyOf, qualityOf } from '../measures.ts';
import { ruleName } from '../observed/rule-names.ts';
import type { Candidate } from '../plan.ts';
import { median } from './reference.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

/** Requests of a kind after which shares are drawn anew: one per arm, but at least so many. */
const REFRESH = 8;
/** Sets of targets whose shares are kept. */
const MAX_SETS = 8;
/** Where no model has a score. */
const UNSCORED = 0.5;
/** Scores that the owner's word, or the lack of it, counts for. */
const SCORE_WORTH = 4;
/** Observations that the price list, or what routing has seen elsewhere, counts for. */
const ESTIMATE_WORTH = 2;

export const ADAPTIVE: Strategy = {
  type: 'Adaptive',
  order(candidates, context) {
    const { of: shares, rewards } = decide(candidates, context);
    let drawn = context.random();
    let first = candidates[0] as Candidate;
    for (const candidate of candidates) {
      const share = shares.get(candidate.target.name) ?? 0;
      if (share <= 0) continue;
      first = candidate;
      drawn -= share;
      if (drawn < 0) break;
    }
    const propensity = shares.get(first.target.name) ?? 0;
    context.drawn = { target: first.target.name, propensity, context: contextOf(context.facts) };
    if (candidates.length === 1) return;
    const reward = ({ target }: Candidate): number => rewards.get(target.name) as number;
    candidates.sort((a, b) => {
      if (a === first || b === first) return a === first ? -1 : 1;
      return reward(b) - reward(a) || a.index - b.index;
    });
  },
  describe(candidate, context, candidates) {
    const settings = settingsOf(context);
    const { adaptive } = context.state;
    const known = adaptive.known(ruleName(context.rule), contextOf(context.facts));
    const at = candidates.indexOf(candidate);
    const belief = believe(candidates, context, settings)[at] as ArmBelief;
    const { success, score, cost, latency } = belief;
    const earns = expectedReward(belief, weightsOf(settings));
    const shares = known && [...known.shares.values()].findLast(({ of }) => of.has(candidate.target.name));
    const share = shares?.of.get(candidate.target.name);
    const parts = [
      ...(share === undefined ? [] : [`share ${(share * 100).toFixed(1)} %`]),
      `earns ${earns.toFixed(2)}`,
      `succeeds ${(success.mean * 100).toFixed(1)} %`,
      `score ${(score.mean * 100).toFixed(0)}`,
      ...(cost ? [`cost ${cost.mean.toFixed(2)} times the median`] : []),
      ...(latency ? [`latency ${latency.mean.toFixed(2)} times the median`] : []),
    ];
    return parts.join(', ');
  },
};

/** Shares of targets below the rule's floor of quality are absent. */
function decide(candidates: readonly Candidate[], context: StrategyContext): Shares {
  const { rule, facts, state } = context;
  const settings = settingsOf(context);
  const situation = state.adaptive.situation(ruleName(rule), contextOf(facts));
  const refresh = Math.max(REFRESH, candidates.length);
  // The same targets at hand: those that are ejected, or do not fit, come and go.
  let key = '';
  for (const { index } of candidates) key += `${index} `;
  const known = situation.shares.get(key);
  // Another configuration may have other targets at these positions.
  const same = known && candidates.every(({ target }) => known.rewards.has(target.name));
  if (same && situation.count - known.made < refresh) return known;
  const eligible = aboveFloor(candidates, context, settings);
  const beliefs = believe(eligible, context, settings);
  const shares = sharesOf(beliefs, weightsOf(settings), settings.minSharePercent / 100, context.random);
  const of = new Map(eligible.map((candidate, i) => [candidate.target.name, shares[i] as number]));
  // Another set of targets is at hand with every outage; the oldest goes.
  situation.shares.delete(key);
  const [oldest] = situation.shares.size >= MAX_SETS ? situation.shares.keys() : [];
  if (oldest !== undefined) situation.shares.delete(oldest);
  const made = { of, rewards: earnings(candidates, context, settings), made: situation.count };
  situation.shares.set(key, made);
  return made;
}

/** The checks of an item see to it that type Adaptive has them. */
const settingsOf = ({ rule }: StrategyContext): AdaptiveBody => rule.strategy.adaptive ?? DEFAULTS;
const DEFAULTS: AdaptiveBody = { cost: 20, latency: 20, minSharePercent: 1, memory: 300 };

/** Those good enough, where that is known; all of them where none is. */
function aboveFloor(
  candidates: readonly Candidate[],
  context: StrategyContext,
  { minQuality }: AdaptiveBody,
): readonly Candidate[] {
  if (minQuality === undefined) return candidates;
  const good = candidates.filter((candidate) => (qualityOf(candidate, context) ?? 100) >= minQuality);
  return good.length > 0 ? good : candidates;
}

function believe(
  candidates: readonly Candidate[],
  context: StrategyContext,
  { memory }: AdaptiveBody,
): ArmBelief[] {
  const { rule, facts, state } = context;
  const kind = contextOf(facts);
  const sums = candidates.map(({ target }) => state.adaptive.sums(ruleName(rule), kind, target.name, memory));
  const costs = sums.map(
    (each, i) => meanCost(each) ?? microUsd(costOf(candidates[i] as Candidate, context)),
  );
  const latencies = sums.map(
    (each, i) => meanLatency(each) ?? latencyOf(candidates[i] as Candidate, context),
  );
  const anyScore = sums.some((each) => scoresIn(each) > 0);
  const costReference = median(costs);
  const latencyReference = median(latencies);
  return candidates.map((candidate, i) => {
    const each = sums[i] as ArmSums;
    const said = (qualityOf(candidate, context) ?? UNSCORED * 100) / 100;
    return {
      success: successOf(each),
      // Where nobody says how good answers are, choosing a target teaches nothing about it.
      score: anyScore ? scoreOf(each, { mean: said, worth: SCORE_WORTH }) : { mean: said, variance: 0 },
      cost: relative(costReference, (mean) =>
        costIn(each, { mean: costs[i] ?? mean, worth: ESTIMATE_WORTH }),
      ),
      latency: relative(latencyReference, (mean) =>
        latencyIn(each, { mean: latencies[i] ?? mean, worth: ESTIMATE_WORTH }),
      ),
    };
  });
}

const microUsd = (pico: number | undefined): number | undefined => (pico === undefined ? pico : pico / 1e6);

/** As a multiple of the reference. What costs nothing at all is no reference. */
function relative(reference: number | undefined, of: (mean: number) => Belief): Belief | undefined {
  if (reference === undefined || reference <= 0) return undefined;
  const { mean, variance } = of(reference);
  return { mean: mean / reference, variance: variance / reference ** 2 };
}

function earnings(
  candidates: readonly Candidate[],
  context: StrategyContext,
  settings: AdaptiveBody,
): Map<string, number> {
  const weights = weightsOf(settings);
  const beliefs = believe(candidates, context, settings);
  return new Map(
    candidates.map(({ target }, i) => [target.name, expectedReward(beliefs[i] as ArmBelief, weights)]),
  );
}

const weightsOf = ({ cost, latency }: AdaptiveBody): Weights => ({
  cost: cost / 100,
  latency: latency / 100,
});
