/** Limits on time that follow from what a target normally takes. Pure. */
import type { Attempt } from '../../exchange.ts';
import { classifyTransport } from '../../providers/failures.ts';
import type { Candidate } from '../../routing/plan.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import { Flow } from './flow.ts';
import { Listening } from './hush.ts';
import { leavesSilence, type PaceBook } from './pace-book.ts';

/** What takes so much longer than 99 in 100 did is not coming. */
const TIMES_P99 = 3;
/** Below this, a pause of the network or of our own would be taken for a failure. */
const LEAST_MS = 500;

/** What an attempt may take. */
export interface AttemptLimits {
  /** When its share of the time before commit is over. */
  readonly commitBy: number;
  /** How long that is, in milliseconds, where it was learned from the target; else absent or 0. */
  readonly learnedMs?: number;
  /** Absent: the rule's. */
  readonly firstTokenMs?: number;
  readonly flow?: Flow | undefined;
  /** Watches whether the target answers anybody; absent: it is waited for. */
  readonly listening?: Listening | undefined;
}

/** An attempt that is about to begin. */
export interface Beginning {
  readonly stream: boolean;
  readonly now: number;
  /** Its share of the time before commit. */
  readonly shareMs: number;
  /** No other attempt could follow it. */
  readonly last: boolean;
  /** Whether another target could take over, asked later. */
  readonly mayLeave: () => boolean;
  /** The target answers nobody. */
  readonly silent: (why: string, now: number) => void;
}

export function attemptLimits(
  rule: RuleBody,
  pace: PaceBook,
  candidate: Candidate,
  beginning: Beginning,
): AttemptLimits {
  const { stream, now, shareMs, last } = beginning;
  const limitMs = last ? 0 : learnedLimitMs(rule, pace, candidate, stream, now);
  const learnedMs = limitMs < shareMs ? limitMs : 0;
  return {
    commitBy: now + (learnedMs > 0 ? learnedMs : shareMs),
    learnedMs,
    firstTokenMs: learnedFirstTokenMs(rule, pace, candidate, now),
    flow: flowOf(rule, pace, candidate, stream, last, now),
    listening: last ? undefined : listeningOf(rule, pace, candidate, beginning),
  };
}

/** Calls that all hear nothing; fewer may be chance, or large requests in a row. */
const LEAST_SILENT = 5;

function listeningOf(
  rule: RuleBody,
  pace: PaceBook,
  candidate: Candidate,
  { stream, now, mayLeave, silent }: Beginning,
): Listening | undefined {
  if (!leavesSilence(rule)) return undefined;
  const p99 = pace.of(candidate, stream)?.p99(now);
  const hush = pace.hushOf(candidate);
  if (p99 === undefined || hush === undefined) return undefined;
  const { consecutiveErrors } = candidate.provider.passive;
  return new Listening({
    hush,
    startedAt: now,
    lateAfterMs: hush.lateAfterMs(p99),
    enough: Math.max(LEAST_SILENT, consecutiveErrors),
    mayLeave,
    silent,
  });
}

/** Milliseconds an attempt has before it commits, while another target could follow; 0: nothing is learned, or shall be. */
function learnedLimitMs(
  rule: RuleBody,
  pace: PaceBook,
  candidate: Candidate,
  stream: boolean,
  now: number,
): number {
  if (rule.learned?.timeouts !== true) return 0;
  const p99 = pace.of(candidate, stream)?.p99(now);
  if (p99 === undefined) return 0;
  const ceiling = stream ? rule.timeouts.firstTokenMs : rule.timeouts.attemptMs;
  return Math.min(ceiling, Math.max(LEAST_MS, Math.ceil(p99 * TIMES_P99)));
}

/**
 * Milliseconds a stream has before its first content. A model that reasons is silent for as long as it thinks: where the
 * rule sets no time for it, it has much longer, until it is known how long it normally takes.
 */
function learnedFirstTokenMs(rule: RuleBody, pace: PaceBook, candidate: Candidate, now: number): number {
  const { firstTokenMs } = rule.timeouts;
  const longest = rule.reasoningFirstTokenMs;
  if (longest === undefined || candidate.model?.capabilities?.includes('Reasoning') !== true)
    return firstTokenMs;
  const p99 = pace.of(candidate, true)?.p99(now);
  return p99 === undefined ? longest : Math.min(longest, Math.max(firstTokenMs, Math.ceil(p99 * TIMES_P99)));
}

function flowOf(
  { learned }: RuleBody,
  book: PaceBook,
  candidate: Candidate,
  stream: boolean,
  last: boolean,
  now: number,
): Flow | undefined {
  if (learned?.stall === undefined) return undefined;
  const { percent, windowMs } = learned.stall;
  const usual = book.of(candidate, stream)?.bytesPerSecond.quantile(0.5, now) ?? 0;
  return new Flow({ book, candidate, stream, leastRate: (usual * percent) / 100, windowMs, last });
}

/** What breakers are told of a silent call that was cancelled. */
export const OUTRUN = classifyTransport('Timeout', 'outrun');
/** Twice as long as half of its answers take: five times in a row that is no chance. */
const TIMES_P50 = 2;

/** Whether a call that lost to a hedge had not said a word for much longer than is usual. */
export function isSilent(attempt: Attempt, pace: PaceBook, stream: boolean, now: number): boolean {
  if (attempt.kind === 'Hedge' || attempt.headersAt !== undefined) return false;
  const p50 = pace.of(attempt.candidate, stream)?.commitMs.quantile(0.5, now);
  return p50 !== undefined && now - attempt.startedAt >= p50 * TIMES_P50;
}
