/**
 * How often each arm of a bandit should be chosen: as often as it is the best of a draw from what is believed of all of them
 * (Thompson sampling), and never less than the least share. Made of many draws at once, so that the share an arm was chosen by
 * is a number that can be written down.
 */
import type { Belief } from './arm.ts';
import { normal, sequence } from './normal.ts';

/** What is believed of an arm. Cost and latency are multiples of the reference; undefined where nothing is known of any arm. */
export interface ArmBelief {
  readonly success: Belief;
  readonly score: Belief;
  readonly cost: Belief | undefined;
  readonly latency: Belief | undefined;
}

/** Weights of cost and latency against a score of 0 to 1. */
export interface Weights {
  readonly cost: number;
  readonly latency: number;
}

/** Beyond so many times the reference nothing gets worse: failing is worse than any price. */
const MOST = 4;

/**
 * score - weights.cost * cost - weights.latency * latency, moved and scaled to 0..1, so that 0 is worse than any answer: it
 * is what a failed attempt earns.
 */
export function reward(score: number, cost: number, latency: number, weights: Weights): number {
  const { cost: lc, latency: ll } = weights;
  const worst = MOST * (lc + ll);
  const paid = lc * Math.min(MOST, Math.max(0, cost)) + ll * Math.min(MOST, Math.max(0, latency));
  return (Math.min(1, Math.max(0, score)) - paid + worst) / (1 + worst);
}

export function expectedReward({ success, score, cost, latency }: ArmBelief, weights: Weights): number {
  return success.mean * reward(score.mean, cost?.mean ?? 0, latency?.mean ?? 0, weights);
}

const DRAWS = 100;

/** Share of each arm; they add up to 1. `least`: of each arm, in all at most a half. */
export function sharesOf(
  arms: readonly ArmBelief[],
  weights: Weights,
  least: number,
  random: () => number,
): number[] {
  // One number of chance is enough, and many looks at the same one would be no draws.
  const draws = sequence(random());
  const wins = arms.map(() => 0);
  for (let i = 0; i < DRAWS; i++) {
    const best = bestOf(arms, weights, draws);
    wins[best] = (wins[best] as number) + 1;
  }
  const floor = Math.min(least, 0.5 / arms.length);
  return wins.map((won) => floor + (1 - floor * arms.length) * (won / DRAWS));
}

function bestOf(arms: readonly ArmBelief[], weights: Weights, random: () => number): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < arms.length; i++) {
    const drawn = drawReward(arms[i] as ArmBelief, weights, random);
    if (drawn > most) {
      most = drawn;
      best = i;
    }
  }
  return best;
}

function drawReward(
  { success, score, cost, latency }: ArmBelief,
  weights: Weights,
  random: () => number,
): number {
  const succeeds = Math.min(1, Math.max(0, draw(success, random)));
  const costs = cost && weights.cost > 0 ? draw(cost, random) : 0;
  const takes = latency && weights.latency > 0 ? draw(latency, random) : 0;
  return succeeds * reward(draw(score, random), costs, takes, weights);
}

const draw = ({ mean, variance }: Belief, random: () => number): number =>
  mean + Math.sqrt(variance) * normal(random);
