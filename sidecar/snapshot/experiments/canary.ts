/**
 * PURE: whether a canary moves on, stays or goes back. The operator decides it from what all pods saw, a pod without an
 * operator from what it saw itself; both by these functions.
 *
 * It goes back when it is surely worse than a bound allows. It is looked at again only when there is half as much more to see,
 * so that looking often does not find by chance what is not there. It moves on when it has stayed long enough, has served
 * enough, and does not even look worse.
 */
import type { CanaryBody } from '../shapes/experiment.ts';
import { type ArmTotals, addTotals, noTotals } from './arm-totals.ts';
import {
  type Interval,
  meanDifference,
  meanOf,
  quantile,
  quantileInterval,
  shareDifference,
  shareInterval,
} from './statistics.ts';

export type CanaryPhase = 'Progressing' | 'Complete' | 'RolledBack';

export interface CanaryState {
  phase: CanaryPhase;
  /** Position in the steps. */
  step: number;
  /** Milliseconds of the caller's clock at which the step began. */
  since: number;
  /** A sentence with the numbers. */
  reason: string;
  /** Requests of the arm when it was last looked at. */
  looked: number;
  /** The other arms during the step before: at the last step, hardly anybody else is served. */
  before?: ArmTotals;
}

/** Since the step began, of the canary's arm and of all others together. */
export interface CanaryEvidence {
  canary: ArmTotals;
  others: ArmTotals;
}

/** One of 30,000 looks at equals is this far off. */
const SURE = 4;
/** One of 6. */
const LOOKS = 1;
/** Fewer say nothing. */
const FIRST_LOOK = 10;
/** Of what there was at the last look. */
const NEXT_LOOK = 1.5;

export const begin = (now: number, reason: string): CanaryState => ({
  phase: 'Progressing',
  step: 0,
  since: now,
  reason,
  looked: 0,
});

/** Share of the arm in percent. */
export function percentOf({ steps }: CanaryBody, { phase, step }: CanaryState): number {
  if (phase === 'RolledBack') return 0;
  return steps[Math.min(step, steps.length - 1)] ?? 0;
}

/** The same object where nothing changes. */
export function decide(
  canary: CanaryBody,
  state: CanaryState,
  seenNow: CanaryEvidence,
  now: number,
): CanaryState {
  if (state.phase !== 'Progressing') return state;
  const { requests } = seenNow.canary;
  const evidence = { canary: seenNow.canary, others: together(seenNow.others, state.before) };
  let looked = state.looked;
  if (requests >= FIRST_LOOK && requests >= looked * NEXT_LOOK) {
    const worse = worseThan(canary, evidence, SURE);
    if (worse) return { ...state, phase: 'RolledBack', since: now, reason: worse, looked: requests };
    looked = requests;
  }
  const seen = looked === state.looked ? state : { ...state, looked };
  if (now - state.since < canary.intervalMs || requests < canary.minRequests) return seen;
  const doubtful = worseThan(canary, evidence, LOOKS);
  if (doubtful) {
    const reason = `held, since it looks worse: ${doubtful}`;
    return reason === seen.reason ? seen : { ...seen, reason };
  }
  const last = state.step >= canary.steps.length - 1;
  const reason = `${requests} requests at ${percentOf(canary, state)}% were no worse than a bound allows`;
  if (last) return { ...seen, phase: 'Complete', since: now, reason };
  const before = seenNow.others;
  return { phase: 'Progressing', step: state.step + 1, since: now, reason, looked: 0, before };
}

function together(others: ArmTotals, before: ArmTotals | undefined): ArmTotals {
  if (before === undefined) return others;
  const sum = noTotals();
  addTotals(sum, before);
  addTotals(sum, others);
  return sum;
}

/** The first bound that it is beyond, `z` deviations sure; undefined where it is beyond none. */
function worseThan(
  { bounds }: CanaryBody,
  { canary, others }: CanaryEvidence,
  z: number,
): string | undefined {
  return (
    worseErrors(bounds.errorPercent, canary, others, z) ??
    worseLatency(bounds.latencyPercent, canary, others, z) ??
    worseCost(bounds.costPercent, canary, others, z) ??
    worseFeedback(bounds.feedbackDrop, canary, others, z)
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
const rate = ({ errors, requests }: ArmTotals): number => (requests === 0 ? 0 : errors / requests);

function worseErrors(bound: number | undefined, canary: ArmTotals, others: ArmTotals, z: number) {
  if (bound === undefined || canary.requests === 0) return undefined;
  if (others.requests === 0) {
    // Nothing to hold it against: then it must fail more often than not.
    const alone = shareInterval(canary.errors, canary.requests, z);
    return alone.low <= 0.5 ? undefined : `${percent(rate(canary))} of ${canary.requests} requests failed`;
  }
  // Half an error less: errors come whole, and a bell curve does not know that of the first few.
  const own: [number, number] = [Math.max(0, canary.errors - 0.5), canary.requests];
  if (shareDifference(own, [others.errors, others.requests], z).low <= bound / 100) return undefined;
  return `${percent(rate(canary))} of ${canary.requests} requests failed, of the others ${percent(rate(others))}; ${bound} more in a hundred are allowed`;
}

function worseLatency(bound: number | undefined, canary: ArmTotals, others: ArmTotals, z: number) {
  if (bound === undefined) return undefined;
  // The bound is exceeded for sure where the least that one can be exceeds the most that the other can be.
  const { low } = quantileInterval(canary, 0.95, z);
  const { high } = quantileInterval(others, 0.95, z);
  if (low === undefined || high === undefined || low * 100 <= high * bound) return undefined;
  const [own, theirs] = [quantile(canary, 0.95), quantile(others, 0.95)].map((ms) => Math.round(ms ?? 0));
  return `p95 of the time to the first content is ${own} ms, of the others ${theirs} ms; ${bound}% of that are allowed`;
}

function worseCost(bound: number | undefined, canary: ArmTotals, others: ArmTotals, z: number) {
  if (bound === undefined) return undefined;
  const difference = surely(meanDifference(canary.cost, others.cost, bound / 100, z), canary, others, 'cost');
  if (difference === undefined || difference.low <= 0) return undefined;
  const [own, theirs] = [meanOf(canary.cost), meanOf(others.cost)].map((nano) =>
    ((nano ?? 0) / 1e9).toFixed(6),
  );
  return `a request costs ${own} USD on average, of the others ${theirs} USD; ${bound}% of that are allowed`;
}

function worseFeedback(bound: number | undefined, canary: ArmTotals, others: ArmTotals, z: number) {
  if (bound === undefined) return undefined;
  // Minus the mean, so that above 0 is worse.
  const difference = surely(
    meanDifference(others.feedback, canary.feedback, 1, z),
    canary,
    others,
    'feedback',
  );
  if (difference === undefined || difference.low <= bound / 100) return undefined;
  const [own, theirs] = [meanOf(canary.feedback), meanOf(others.feedback)].map((mean) =>
    (mean ?? 0).toFixed(3),
  );
  return `the mean score is ${own}, of the others ${theirs}; ${bound} hundredths less are allowed`;
}

/** Means of a few values follow no bell curve, whatever their variance says. */
const FEWEST = 10;
const surely = (
  difference: Interval | undefined,
  canary: ArmTotals,
  others: ArmTotals,
  member: 'cost' | 'feedback',
): Interval | undefined =>
  canary[member].count < FEWEST || others[member].count < FEWEST ? undefined : difference;
