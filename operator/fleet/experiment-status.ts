/** PURE: an experiment in the words of a route's status, and the step of its canary back from there. */
import type { LLMRouteStatus } from '../../crds/llmroute.ts';
import { isMirror } from '../../sidecar/snapshot/experiments/arm-names.ts';
import {
  type ArmTotals,
  addTotals,
  type Moments,
  noTotals,
} from '../../sidecar/snapshot/experiments/arm-totals.ts';
import { type CanaryState, percentOf } from '../../sidecar/snapshot/experiments/canary.ts';
import {
  type Interval,
  meanDifference,
  meanOf,
  quantile,
  shareDifference,
} from '../../sidecar/snapshot/experiments/statistics.ts';
import type { ExperimentBody } from '../../sidecar/snapshot/shapes/experiment.ts';

export type StoredExperiment = NonNullable<LLMRouteStatus['experiments']>[number];
type ArmStatus = StoredExperiment['arms'][number];

/** 95 times in 100. */
const Z = 1.96;
/** Intervals of fewer say nothing. */
const FEWEST = 2;
const MAX_MESSAGE = 512;

export function experimentStatus(
  body: ExperimentBody,
  canary: CanaryState | undefined,
  arms: ReadonlyMap<string, ArmTotals>,
  breach: string | undefined,
): StoredExperiment {
  const names = [...arms.keys()].sort();
  return {
    name: body.name,
    ...(canary && body.canary
      ? {
          phase: canary.phase,
          percent: percentOf(body.canary, canary),
          since: new Date(canary.since).toISOString(),
          message: messageOf(canary, breach),
        }
      : { phase: 'Running' }),
    arms: names.map((name) => armStatus(name, arms)),
  };
}

function messageOf({ reason }: CanaryState, breach: string | undefined): string {
  const text = breach === undefined ? reason : `${reason}; a pod went back by itself: ${breach}`;
  return text.slice(0, MAX_MESSAGE);
}

/** Undefined: it says nothing of a canary, or of steps that there are no more. */
export function storedState(body: ExperimentBody, stored: StoredExperiment): CanaryState | undefined {
  const { phase, percent, since, message = '' } = stored;
  if (phase === 'Running' || !body.canary) return undefined;
  const at = Date.parse(since ?? '');
  if (Number.isNaN(at)) return undefined;
  const step = Math.max(
    0,
    body.canary.steps.findLastIndex((each) => each <= (percent ?? 0)),
  );
  return { phase, step, since: at, reason: message, looked: 0 };
}

function armStatus(name: string, arms: ReadonlyMap<string, ArmTotals>): ArmStatus {
  const totals = arms.get(name) ?? noTotals();
  const others = noTotals();
  for (const [other, each] of arms) {
    if (other !== name && !isMirror(other)) addTotals(others, each);
  }
  const { requests, errors, cost, feedback } = totals;
  const p50 = quantile(totals, 0.5);
  const p95 = quantile(totals, 0.95);
  const meanCost = meanOf(cost);
  const meanScore = meanOf(feedback);
  return {
    name,
    requests,
    errors,
    errorPercent: (requests === 0 ? 0 : (100 * errors) / requests).toFixed(2),
    ...(p50 !== undefined && { latencyP50Milliseconds: Math.round(p50) }),
    ...(p95 !== undefined && { latencyP95Milliseconds: Math.round(p95) }),
    ...(meanCost !== undefined && { meanCostUSD: (meanCost / 1e9).toFixed(9) }),
    ...(meanScore !== undefined && { feedbackCount: feedback.count, feedbackMean: meanScore.toFixed(3) }),
    ...differences(totals, others),
  };
}

function differences(own: ArmTotals, others: ArmTotals): Partial<ArmStatus> {
  const found: Partial<ArmStatus> = {};
  if (own.requests >= FEWEST && others.requests >= FEWEST) {
    const errors = shareDifference([own.errors, own.requests], [others.errors, others.requests], Z);
    found.errorDifference = written(errors, 100, 2);
  }
  const cost = meansOf(own.cost, others.cost);
  if (cost) found.costDifference = written(cost, 1e-9, 9);
  const feedback = meansOf(own.feedback, others.feedback);
  if (feedback) found.feedbackDifference = written(feedback, 1, 3);
  return found;
}

const meansOf = (own: Moments, others: Moments): Interval | undefined => meanDifference(own, others, 1, Z);

const written = ({ low, high }: Interval, times: number, digits: number) => ({
  low: (low * times).toFixed(digits),
  high: (high * times).toFixed(digits),
});
