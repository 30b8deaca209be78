/**
 * What a request is expected to take and cost at a candidate, by what was observed. Undefined: not known, which is never a
 * number. Nothing here changes anything.
 */
import { inputPicoUsd, pricesFor } from '../../accounting/price.ts';
import { pricesOf } from '../../snapshot/prices.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import type { Candidate, RequestFacts } from '../plan.ts';
import type { RoutingState } from '../state.ts';
import { answerKind, ownKind } from './answer-kind.ts';
import { inputBucket } from './buckets.ts';
import type { ExpectedLength } from './lengths.ts';
import type { InputShares } from './target-memory.ts';

/** For whom it is asked. Times are milliseconds of the caller's monotonic clock. */
export interface Asking {
  readonly rule: RuleBody;
  readonly facts: RequestFacts;
  readonly now: number;
  readonly state: Pick<RoutingState, 'observed'>;
}

export type LatencyMeasure = 'FirstToken' | 'Total';

export interface ExpectedCost {
  readonly picoUsd: number;
  /** Of these, for the answer. */
  readonly answerPicoUsd: number;
  /** What it may be at the least, for all that is known: a short answer, and all input from the cache. */
  readonly leastPicoUsd: number;
  /** Tokens. */
  readonly input: number;
  readonly cacheRead: number;
  readonly output: number;
  readonly reasoning: number;
  /** Answers of the model that the length was learned from. */
  readonly seen: number;
}

/**
 * Milliseconds to the event that commits: the first content of a stream, or a whole answer. `Total`, of a stream: to its
 * last token.
 */
export function expectedLatency(
  candidate: Candidate,
  asking: Asking,
  measure: LatencyMeasure = 'FirstToken',
): number | undefined {
  const { facts, now, state } = asking;
  const memory = state.observed.of(candidate);
  const first = memory?.nearest(inputBucket(facts.inputTokens), facts.stream)?.expected(now, memory.inFlight);
  if (memory === undefined || first === undefined || measure === 'FirstToken' || !facts.stream) return first;
  // Only streams that are too short to be timed leave it unknown, or a target that was hardly asked: it looks good until it is.
  if (!memory.pace.known) return first;
  return first + Math.max(0, expectedLength(candidate, asking).output - 1) * memory.pace.mean;
}

/**
 * Milliseconds per token of a stream that would begin now. More under way than there was beside the streams that were seen is
 * taken to slow it down in proportion; fewer make it no faster, until one was seen to be.
 */
export function expectedPace(candidate: Candidate, { state }: Pick<Asking, 'state'>): number | undefined {
  const memory = state.observed.of(candidate);
  if (memory === undefined || !memory.pace.known) return undefined;
  return Math.max(memory.pace.mean, memory.paceEach.mean * (memory.inFlight + 1));
}

/** Tokens of the answer, by answers of the same kind; within what the request allows. */
function expectedLength(candidate: Candidate, { rule, facts, now, state }: Asking): ExpectedLength {
  const { observed } = state;
  const kind = answerKind(facts, rule);
  const own = observed.of(candidate)?.lengths;
  const expected = observed.lengths.expected(own, kind, ownKind(kind, candidate), now);
  const cap = facts.maxOutputTokens;
  if (cap === undefined) return expected;
  const most = cap * facts.choices;
  const all = expected.output + expected.reasoning;
  if (all <= most) return expected;
  const share = most / all;
  return { output: expected.output * share, reasoning: expected.reasoning * share, seen: expected.seen };
}

/** Undefined: the price is unknown. */
export function expectedCost(candidate: Candidate, asking: Asking): ExpectedCost | undefined {
  const prices = pricesOf(candidate.model);
  if (prices === undefined) return undefined;
  const { facts, state } = asking;
  const memory = state.observed.of(candidate);
  const input = memory?.inputRatio.apply(facts.inputTokens) ?? facts.inputTokens;
  const { output, reasoning, seen } =
    facts.needs === 'Chat' || facts.needs === 'Completions' ? expectedLength(candidate, asking) : NO_ANSWER;
  const at = pricesFor(input, prices);
  const shares = memory?.shares ?? ALL_PLAIN;
  const answer = output * at.output + reasoning * (at.reasoning ?? at.output);
  return {
    picoUsd: answer + inputPicoUsd(input, shares, at),
    answerPicoUsd: answer,
    leastPicoUsd:
      SHORTEST * answer + input * Math.min(at.input, at.cacheRead ?? at.input) + (at.request ?? 0),
    input,
    cacheRead: input * shares.cacheRead,
    output,
    reasoning,
    seen,
  };
}

/** An answer of a model that is not known yet may be so much shorter than those of others. */
const SHORTEST = 1 / 8;
const NO_ANSWER: ExpectedLength = { output: 0, reasoning: 0, seen: 0 };
const ALL_PLAIN: InputShares = { cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
