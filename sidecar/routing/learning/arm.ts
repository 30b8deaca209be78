/**
 * What is known of one target in one kind of request, as sums: those of two pods can be added, and those of the past fade by
 * being multiplied.
 */
import { SUM_OF, SUMS } from '../../snapshot/fleet/learning.ts';

/** Places in the sums. Costs are micro-USD, latencies milliseconds, scores 0 to 1. */
const { served: SERVED, failed: FAILED, scores: SCORES, score: SCORE } = SUM_OF;
const COSTS = 4;
const COST = 5;
const COST_SQUARED = 6;
const LATENCIES = 7;
const LATENCY = 8;
const LATENCY_SQUARED = 9;

export type ArmSums = Float64Array;

export const noSums = (): ArmSums => new Float64Array(SUMS);

/** One request that a target served; what is undefined is not known. */
export interface ServedOutcome {
  readonly costMicroUsd: number | undefined;
  readonly latencyMs: number | undefined;
}

export function addServed(sums: ArmSums, { costMicroUsd, latencyMs }: ServedOutcome): void {
  plus(sums, SERVED, 1);
  if (costMicroUsd !== undefined) {
    plus(sums, COSTS, 1);
    plus(sums, COST, costMicroUsd);
    plus(sums, COST_SQUARED, costMicroUsd ** 2);
  }
  if (latencyMs !== undefined) {
    plus(sums, LATENCIES, 1);
    plus(sums, LATENCY, latencyMs);
    plus(sums, LATENCY_SQUARED, latencyMs ** 2);
  }
}

export function addFailed(sums: ArmSums): void {
  plus(sums, FAILED, 1);
}

/** `score` is 0 to 1; `replaces`: what was said before of the same answer. */
export function addScore(sums: ArmSums, score: number, replaces: number | undefined): void {
  if (replaces === undefined) plus(sums, SCORES, 1);
  // Some of what is replaced may have faded already.
  const most = sums[SCORES] as number;
  sums[SCORE] = Math.min(most, Math.max(0, (sums[SCORE] as number) + score - (replaces ?? 0)));
}

/** What is left of the past: of scores by themselves, since they come when they come. */
export interface Fading {
  readonly tries: number;
  readonly scores: number;
}

export function fade(sums: ArmSums, left: Fading): void {
  for (let i = 0; i < SUMS; i++) sums[i] = (sums[i] as number) * shareAt(i, left);
}

const shareAt = (place: number, { tries, scores }: Fading): number =>
  place === SCORES || place === SCORE ? scores : tries;

/** What is left of the second is added to the first. */
export function addSums(sums: ArmSums, more: ArmSums, left: Fading): void {
  for (let i = 0; i < SUMS; i++) plus(sums, i, (more[i] as number) * shareAt(i, left));
}

/** Attempts behind the sums. */
export const triesOf = (sums: ArmSums): number => (sums[SERVED] as number) + (sums[FAILED] as number);

/** A mean and how sure it is: the variance of the mean itself. */
export interface Belief {
  readonly mean: number;
  readonly variance: number;
}

/** What is taken for true before anything was seen, and how many observations that is worth. */
export interface Prior {
  readonly mean: number;
  readonly worth: number;
}

export const successOf = (sums: ArmSums): Belief =>
  share(sums[SERVED] as number, triesOf(sums), { mean: 0.95, worth: 2 });

export const scoreOf = (sums: ArmSums, prior: Prior): Belief =>
  share(sums[SCORE] as number, sums[SCORES] as number, prior);

export const scoresIn = (sums: ArmSums): number => sums[SCORES] as number;

export const costIn = (sums: ArmSums, prior: Prior): Belief =>
  amount(sums[COSTS] as number, sums[COST] as number, sums[COST_SQUARED] as number, prior);

export const latencyIn = (sums: ArmSums, prior: Prior): Belief =>
  amount(sums[LATENCIES] as number, sums[LATENCY] as number, sums[LATENCY_SQUARED] as number, prior);

/** The mean of what was seen; undefined: nothing was. */
export const meanCost = (sums: ArmSums): number | undefined => meanOf(sums, COSTS, COST);
export const meanLatency = (sums: ArmSums): number | undefined => meanOf(sums, LATENCIES, LATENCY);

function plus(sums: ArmSums, at: number, value: number): void {
  sums[at] = (sums[at] as number) + value;
}

function meanOf(sums: ArmSums, count: number, sum: number): number | undefined {
  const n = sums[count] as number;
  return n > 1e-6 ? (sums[sum] as number) / n : undefined;
}

/** Of values between 0 and 1, whose spread their mean bounds. */
function share(sum: number, n: number, { mean: expected, worth }: Prior): Belief {
  const all = n + worth;
  const mean = (sum + expected * worth) / all;
  return { mean, variance: Math.max(mean * (1 - mean), 0.01) / (all + 1) };
}

/** Relative spread that is assumed before values were seen, and the least there is. */
const FIRST_SPREAD = 0.5;
const LEAST_SPREAD = 0.05;

function amount(n: number, sum: number, squares: number, { mean: expected, worth }: Prior): Belief {
  const all = n + worth;
  const mean = (sum + expected * worth) / all;
  const assumed = (FIRST_SPREAD * mean) ** 2;
  const own = n > 1e-6 ? Math.max(0, squares / n - (sum / n) ** 2) : 0;
  const spread = (n * own + worth * assumed) / all;
  return { mean, variance: Math.max(spread, (LEAST_SPREAD * mean) ** 2) / all };
}
