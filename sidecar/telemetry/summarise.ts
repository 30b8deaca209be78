/** From a finished exchange to what is told of it: one place, so that the log and the admin port cannot disagree. */
import { formatUsd } from '../accounting/usd.ts';
import type { CacheUse } from '../cache/use.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import { headerValue } from '../http1/header-value.ts';
import type { Drawn } from '../routing/strategies/strategy.ts';
import { budgetResult } from './budget-result.ts';
import { attemptResult, type Finished, finish } from './finished.ts';
import type { AskedDetail, AttemptDetail, AttemptRecord, LogRecord, RequestDetail } from './summary.ts';
import { cut, word } from './words.ts';

const PROVIDER_PREFIX = 'provider/'.length;
const MOST_ENTRIES = 64;

/** The line of the access log. `traceId` as known; `sampleRate` of the lines of its kind. */
export function logRecord(finished: Finished, traceId: string | undefined, sampleRate: number): LogRecord {
  const { exchange, outcome, last } = finished;
  const asked = exchange.facts?.askedModel;
  const candidate = last?.candidate ?? exchange.cache?.served?.candidate;
  return {
    time: isoTime(exchange.startedWall),
    id: exchange.id,
    method: cut(exchange.method),
    path: cut(exchange.path),
    route: exchange.route ?? null,
    rule: exchange.plan?.rule.name ?? exchange.rates?.rule.name ?? null,
    experiment: exchange.plan?.arm?.experiment.body.name ?? null,
    arm: exchange.plan?.arm?.arm.name ?? null,
    askedPattern: exchange.modelPattern ?? null,
    askedModel: asked === undefined ? null : cut(asked),
    target: candidate?.target.name ?? null,
    provider: candidate?.providerId.slice(PROVIDER_PREFIX) ?? null,
    model: candidate === undefined ? null : cut(candidate.upstreamModel),
    status: outcome.status,
    outcome: finished.result,
    errorCode: outcome.errorCode ?? null,
    attempts: exchange.attempts.map(attemptRecord),
    tokens: finished.tokens,
    estimated: finished.estimated,
    costUsd: costOf(finished),
    unpriced: finished.unpriced,
    ttfcMs: finished.commitMs === undefined ? null : round(finished.commitMs),
    durationMs: round(finished.durationMs),
    waitedMs: exchange.waitedMs === undefined ? null : round(exchange.waitedMs),
    requestBytes: requestBytes(exchange),
    responseBytes: outcome.responseBytes,
    streamed: outcome.streamed,
    cancelled: outcome.cancelled,
    warnings: exchange.warnings.length,
    traceId: traceId ?? null,
    sampleRate,
    ...(exchange.cache && { cache: cacheRecord(exchange.cache, finished.result) }),
    ...(exchange.plan?.drawn && { drawn: drawnRecord(exchange.plan.drawn) }),
    ...(exchange.rates?.refusedBy !== undefined && { rateLimitedBy: exchange.rates.refusedBy }),
    ...(exchange.budget && { budget: budgetRecord(exchange, exchange.budget) }),
    ...(exchange.savedTokens !== undefined && { savedTokens: exchange.savedTokens }),
    ...signalsRecord(exchange),
    ...(exchange.shownPrompt !== undefined && { prompt: exchange.shownPrompt }),
    ...exchange.internal,
  };
}

/** As the caller declared them; null where it did not. */
export function requestBytes({ req }: Exchange): number | null {
  const length = Number(headerValue(req.rawHeaders, 'content-length'));
  return Number.isNaN(length) ? null : length;
}

/** Rounded for the reader; what was saved is told to the nano-dollar. */
function cacheRecord(
  { result, by, why, ageMs, similarityPercent, served }: CacheUse,
  ended: Finished['result'],
): NonNullable<LogRecord['cache']> {
  const reason = by ?? why;
  const saved = ended === 'OK' ? served?.savedNanoUsd : undefined;
  return {
    result,
    ...(reason !== undefined && { reason }),
    ...(ageMs !== undefined && { ageMs: Math.round(ageMs) }),
    ...(similarityPercent !== undefined && { similarityPercent }),
    ...(saved !== undefined && { savedUsd: formatUsd(saved) }),
  };
}

const drawnRecord = ({ target, propensity, context }: Drawn): LogRecord['drawn'] & object => ({
  target,
  propensity: Math.round(propensity * 1e6) / 1e6,
  kind: context,
});

function signalsRecord({ facts }: Exchange): Pick<LogRecord, 'signals'> {
  const told = facts?.signals?.told();
  if (!told) return NO_SIGNALS;
  const { intent, label, difficulty, language, content } = told;
  return {
    signals: {
      ...(intent !== undefined && { intent }),
      ...(label !== undefined && { label }),
      ...(difficulty !== undefined && { difficulty }),
      ...(language !== undefined && { language }),
      ...(content !== undefined && { content }),
    },
  };
}

const NO_SIGNALS: Pick<LogRecord, 'signals'> = {};

function attemptRecord(attempt: Attempt): AttemptRecord {
  const { candidate } = attempt;
  const record: AttemptRecord = {
    target: candidate.target.name,
    provider: candidate.providerId.slice(PROVIDER_PREFIX),
    model: cut(candidate.upstreamModel),
    credential: candidate.credential?.name ?? null,
    kind: attempt.kind,
    result: attemptResult(attempt),
    scope: attempt.scope ?? null,
    status: attempt.httpStatus ?? null,
    code: word(attempt.errorCode),
    ms: round((attempt.endedAt ?? attempt.startedAt) - attempt.startedAt),
    serviceTier: attempt.serviceTier ?? null,
  };
  if (attempt.askedTier !== undefined) record.askedTier = attempt.askedTier;
  return record;
}

/** What the admin port shows of a request beyond its log line. */
export function requestDetail(exchange: Exchange): RequestDetail {
  return {
    attempts: exchange.attempts.map((attempt) => attemptDetail(exchange, attempt)),
    steps: exchange.steps
      .slice(0, MOST_ENTRIES)
      .map(({ stage, what, detail }) => ({ stage, what: cut(what), detail: cut(detail) })),
    considered: (exchange.plan?.considered ?? []).slice(0, MOST_ENTRIES).map((one) => ({
      ...one,
      model: cut(one.model),
      detail: cut(one.detail),
    })),
    warningTexts: exchange.warnings.slice(0, MOST_ENTRIES).map(cut),
    asked: exchange.asked ? exchange.asked.slice(0, MOST_ENTRIES).flatMap(askedDetail) : [],
  };
}

function askedDetail(exchange: Exchange): AskedDetail[] {
  const { id, internal, outcome } = exchange;
  if (!internal || !outcome) return [];
  const finished = finish(exchange, outcome);
  const { result, durationMs } = finished;
  return [
    { id, purpose: internal.purpose, outcome: result, ms: round(durationMs), costUsd: costOf(finished) },
  ];
}

/** Null where nothing of it is known. */
const costOf = ({ priced, unpriced, costNanoUsd }: Finished): string | null =>
  priced === 0 && unpriced > 0 ? null : formatUsd(costNanoUsd);

function attemptDetail(exchange: Exchange, attempt: Attempt): AttemptDetail {
  const after = (at: number | undefined): number | null =>
    at === undefined ? null : round(at - exchange.startedAt);
  const { settlement } = attempt;
  return {
    startedMs: round(attempt.startedAt - exchange.startedAt),
    sentMs: after(attempt.sentAt),
    headersMs: after(attempt.headersAt),
    committedMs: after(attempt.committedAt),
    endedMs: after(attempt.endedAt),
    upstreamRequestId: word(attempt.upstreamRequestId),
    responseModel: word(attempt.responseModel),
    responseId: word(attempt.responseId),
    finishReasons: attempt.finishReasons.map((reason) => word(reason) ?? ''),
    tokens: settlement?.usage ?? null,
    usageSource: settlement?.source ?? null,
    costUsd: settlement?.costNanoUsd === undefined ? null : formatUsd(settlement.costNanoUsd),
  };
}

/** Milliseconds to three decimals. */
export const round = (ms: number): number => Math.round(ms * 1000) / 1000;

let second = Number.NaN;
let prefix = '';

/** As `Date.toISOString`, which is slow enough to be worth asking once a second. */
export function isoTime(wall: number): string {
  const whole = Math.floor(wall / 1000);
  if (whole !== second) {
    second = whole;
    prefix = new Date(whole * 1000).toISOString().slice(0, 20);
  }
  return `${prefix}${String(Math.floor(wall) - whole * 1000).padStart(3, '0')}Z`;
}

function budgetRecord(
  exchange: Exchange,
  note: NonNullable<Exchange['budget']>,
): NonNullable<LogRecord['budget']> {
  const { id, waitedMs } = note;
  const result = budgetResult(note, exchange);
  return { id, result, ...(waitedMs !== undefined && { waitedMs: round(waitedMs) }) };
}
