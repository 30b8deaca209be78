/**
 * What targets are held against and ranked by, one number each. Undefined is not known, which is never a number. Nothing here
 * changes anything.
 */
import type { RuleBody } from '../snapshot/schema.ts';
import { inputBucket } from './observed/buckets.ts';
import { expectedCost, expectedLatency, expectedPace } from './observed/expected.ts';
import type { Candidate, RequestFacts } from './plan.ts';
import type { RoutingState } from './state.ts';

/** What it takes to measure a candidate for a request. Times are milliseconds of the caller's monotonic clock. */
export interface Measuring {
  readonly rule: RuleBody;
  readonly facts: RequestFacts;
  readonly now: number;
  readonly state: RoutingState;
}

/** The task by which quality is judged where a rule names none. */
const DEFAULT_TASK = 'default';

export const taskOf = ({ strategy }: RuleBody): string => strategy.quality?.task ?? DEFAULT_TASK;

/** Expected cost of the request, in pico-USD. */
export const costOf = (candidate: Candidate, measuring: Measuring): number | undefined =>
  expectedCost(candidate, measuring)?.picoUsd;

/** Milliseconds to the first content, as this pod has seen it; or to the end, where the rule measures that. */
export const latencyOf = (candidate: Candidate, measuring: Measuring): number | undefined =>
  expectedLatency(candidate, measuring, measuring.rule.strategy.latency?.measure);

/** What was seen longer ago says nothing of now; three half-lives of what is seen. */
const STALE_MS = 30_000;

/**
 * Milliseconds to the first content, where that is known now. What falls by it is not asked, so not seen either: after a while
 * one request finds out how it does, and until that has its answer the old one stands.
 */
export function presentLatencyOf(candidate: Candidate, measuring: Measuring): number | undefined {
  const { facts, now, state } = measuring;
  const waits = state.observed.of(candidate)?.nearest(inputBucket(facts.inputTokens), facts.stream);
  if (waits && waits.open.size === 0 && now - waits.times.at > STALE_MS) return undefined;
  return expectedLatency(candidate, measuring);
}

/** 0 to 100. */
export const qualityOf = (candidate: Candidate, { rule, now, state }: Measuring): number | undefined =>
  state.quality.score(candidate, taskOf(rule), now);

/** Milliseconds per token of a stream that would begin now. */
export const paceOf = (candidate: Candidate, measuring: Measuring): number | undefined =>
  expectedPace(candidate, measuring);

/** Attempts under way with this one, from this pod, for the target's weight. */
export const loadOf = (candidate: Candidate, { state }: Measuring): number =>
  (state.observed.inFlight(candidate) + 1) / candidate.target.weight;
