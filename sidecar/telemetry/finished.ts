/** The facts that metrics, log, spans and the ring share, worked out once from a finished exchange. */
import { addUsage, type Usage } from '../accounting/usage.ts';
import { type Attempt, answering, type Exchange, type Outcome } from '../exchange.ts';

/**
 * How a request ended: a useful answer; an answer that blames the request; a refusal of ours without trying; every try
 * failed; the stream broke after it had begun; the caller left.
 */
export type Result = 'OK' | 'CallerError' | 'Refused' | 'Failed' | 'Broken' | 'Cancelled';

export type AttemptResult = 'OK' | 'Cancelled' | NonNullable<Attempt['failure']>;

export interface Finished {
  exchange: Exchange;
  outcome: Outcome;
  result: Result;
  /** The attempt that answered, or the last that tried. */
  last: Attempt | undefined;
  /** Settled tokens of all attempts. */
  tokens: Usage;
  costNanoUsd: bigint;
  /** Attempts with a known cost, and attempts that used something whose cost is unknown. */
  priced: number;
  unpriced: number;
  estimated: boolean;
  /** Milliseconds from arrival to the end of the answer, and to the committing event. */
  durationMs: number;
  commitMs: number | undefined;
  /** Milliseconds during which no attempt was under way. */
  addedMs: number;
}

export function finish(exchange: Exchange, outcome: Outcome): Finished {
  const tokens: Usage = { input: 0, cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 };
  let costNanoUsd = 0n;
  let priced = 0;
  let unpriced = 0;
  let estimated = false;
  // Attempts overlap once there are hedges, so idle time is what lies before each start beyond every earlier end.
  let busyUntil = exchange.startedAt;
  let addedMs = 0;
  for (const attempt of exchange.attempts) {
    if (attempt.startedAt > busyUntil) addedMs += attempt.startedAt - busyUntil;
    busyUntil = Math.max(busyUntil, attempt.endedAt ?? outcome.endedAt);
    const settlement = attempt.settlement;
    if (settlement === undefined || settlement.source === 'None') continue;
    addUsage(tokens, settlement.usage);
    if (settlement.source === 'Estimated') estimated = true;
    if (settlement.costNanoUsd === undefined) unpriced++;
    else {
      costNanoUsd += settlement.costNanoUsd;
      priced++;
    }
  }
  if (outcome.endedAt > busyUntil) addedMs += outcome.endedAt - busyUntil;
  return {
    exchange,
    outcome,
    result: resultOf(exchange, outcome),
    last: answering(exchange.attempts),
    tokens,
    costNanoUsd,
    priced,
    unpriced,
    estimated,
    durationMs: outcome.endedAt - exchange.startedAt,
    commitMs: exchange.committedAt === undefined ? undefined : exchange.committedAt - exchange.startedAt,
    addedMs,
  };
}

export function resultOf(exchange: Exchange, outcome: Outcome): Result {
  if (outcome.cancelled) return 'Cancelled';
  if (outcome.broken) return 'Broken';
  if (outcome.errorCode !== undefined) return exchange.attempts.length === 0 ? 'Refused' : 'Failed';
  if (outcome.status < 400) return 'OK';
  return AT_FAULT.has(answering(exchange.attempts)?.failure) ? 'CallerError' : 'Failed';
}

/** Classes by which the provider says that the request is to blame. */
const AT_FAULT: ReadonlySet<Attempt['failure']> = new Set(['Caller', 'ContextWindow', 'ContentFilter']);

export function attemptResult(attempt: Attempt): AttemptResult {
  return attempt.failure ?? (attempt.cancelled ? 'Cancelled' : 'OK');
}
