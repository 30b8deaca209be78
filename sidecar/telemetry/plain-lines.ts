/**
 * Lines of the access log for plain requests. All but their numbers is the same from one to the next, so it is written once per
 * target and kept as text. What is new in `logRecord` has its place here, too: among the facts, among the values, or in what makes
 * a request one that is not plain.
 */
import { formatUsd } from '../accounting/usd.ts';
import type { Attempt } from '../exchange.ts';
import type { TargetBody } from '../snapshot/schema.ts';
import type { Finished } from './finished.ts';
import { isoTime, logRecord, requestBytes, round } from './summarise.ts';

interface Form {
  /** What the text holds; where any of it differs, it is written anew. */
  readonly facts: readonly unknown[];
  /** Around and between the values, in the order of `valuesOf`. */
  readonly pieces: readonly string[];
}

export class PlainLines {
  readonly #forms = new WeakMap<TargetBody, Form>();

  /** The record as JSON, the same as by `JSON.stringify`; undefined where it cannot be put together. `attempt`: its plain one. */
  line(
    finished: Finished,
    attempt: Attempt,
    traceId: string | undefined,
    sampleRate: number,
  ): string | undefined {
    const { target } = attempt.candidate;
    let form = this.#forms.get(target);
    if (form === undefined || !isOf(form.facts, finished, attempt, sampleRate)) {
      form = formOf(finished, attempt, sampleRate);
      // A caller can ask for a model by the name of the mark.
      if (form.pieces.length !== VALUES + 1) return undefined;
      this.#forms.set(target, form);
    }
    return fill(form.pieces, finished, attempt, traceId);
  }
}

function factsOf(
  { exchange, outcome, estimated }: Finished,
  attempt: Attempt,
  sampleRate: number,
): unknown[] {
  const { candidate } = attempt;
  return [
    exchange.plan?.rule,
    exchange.route,
    exchange.method,
    exchange.path,
    exchange.modelPattern,
    exchange.facts?.askedModel,
    candidate.providerId,
    candidate.upstreamModel,
    candidate.credential,
    attempt.kind,
    attempt.httpStatus,
    attempt.serviceTier,
    attempt.askedTier,
    outcome.status,
    outcome.streamed,
    estimated,
    sampleRate,
  ];
}

/** As `factsOf`, without making a list. */
function isOf(facts: readonly unknown[], finished: Finished, attempt: Attempt, sampleRate: number): boolean {
  const { exchange, outcome, estimated } = finished;
  const { candidate } = attempt;
  return (
    facts[0] === exchange.plan?.rule &&
    facts[1] === exchange.route &&
    facts[2] === exchange.method &&
    facts[3] === exchange.path &&
    facts[4] === exchange.modelPattern &&
    facts[5] === exchange.facts?.askedModel &&
    facts[6] === candidate.providerId &&
    facts[7] === candidate.upstreamModel &&
    facts[8] === candidate.credential &&
    facts[9] === attempt.kind &&
    facts[10] === attempt.httpStatus &&
    facts[11] === attempt.serviceTier &&
    facts[12] === attempt.askedTier &&
    facts[13] === outcome.status &&
    facts[14] === outcome.streamed &&
    facts[15] === estimated &&
    facts[16] === sampleRate
  );
}

/** Marks the places of the values; no name of ours is like it. */
const MARK = '\u0000';
const VALUES = 15;
const MARKED = JSON.stringify(MARK);

function formOf(finished: Finished, attempt: Attempt, sampleRate: number): Form {
  const record = logRecord(finished, undefined, sampleRate);
  const tokens = {
    input: MARK,
    cacheRead: MARK,
    audioInput: MARK,
    output: MARK,
    reasoning: MARK,
    audioOutput: MARK,
  };
  const marked = {
    ...record,
    time: MARK,
    id: MARK,
    attempts: record.attempts.map((one) => ({ ...one, ms: MARK })),
    tokens,
    costUsd: MARK,
    ttfcMs: MARK,
    durationMs: MARK,
    requestBytes: MARK,
    responseBytes: MARK,
    traceId: MARK,
  };
  return { facts: factsOf(finished, attempt, sampleRate), pieces: JSON.stringify(marked).split(MARKED) };
}

/** Ids of ours, times and sums need no escaping, nor does a trace id, which is of hex digits. */
function fill(
  pieces: readonly string[],
  { exchange, outcome, tokens, costNanoUsd, commitMs, durationMs }: Finished,
  attempt: Attempt,
  traceId: string | undefined,
): string {
  return (
    `${pieces[0]}"${isoTime(exchange.startedWall)}"${pieces[1]}"${exchange.id}"${pieces[2]}` +
    `${round((attempt.endedAt ?? attempt.startedAt) - attempt.startedAt)}${pieces[3]}` +
    `${tokens.input}${pieces[4]}${tokens.cacheRead}${pieces[5]}${tokens.audioInput}${pieces[6]}` +
    `${tokens.output}${pieces[7]}${tokens.reasoning}${pieces[8]}${tokens.audioOutput}${pieces[9]}` +
    `"${formatUsd(costNanoUsd)}"${pieces[10]}${commitMs === undefined ? 'null' : round(commitMs)}${pieces[11]}` +
    `${round(durationMs)}${pieces[12]}${requestBytes(exchange)}${pieces[13]}${outcome.responseBytes}${pieces[14]}` +
    `${traceId === undefined ? 'null' : `"${traceId}"`}${pieces[15]}`
  );
}
