/** A line of a batch that a provider runs: as it is handed in, and what comes of it, priced and in the ledger. */
import type { LearnedUsage } from '../../accounting/learned-usage.ts';
import type { Translation } from '../../dialects/translation.ts';
import { Assembly, type Ready } from '../../dispatch/assembly.ts';
import { newAttempt } from '../../dispatch/new-attempt.ts';
import type { DispatchParts } from '../../dispatch/parts.ts';
import { Preparation } from '../../dispatch/preparation.ts';
import { DiscardedResponse, innerRequest } from '../../internal/captured-response.ts';
import { innerId } from '../../internal/internal-rule.ts';
import type { SpendHold } from '../../limits/budgets/hold.ts';
import { type RecordingParts, recordExchange } from '../../recording.ts';
import type { TableRoute } from '../../routing/table.ts';
import { reserve } from '../../server/body.ts';
import { HttpExchange } from '../../server/http-exchange.ts';
import type { BatchLine } from '../batch-line.ts';
import type { NativeChoice, NativeLine } from './choose.ts';
import type { RemoteResult } from './styles.ts';

export interface NativeLineParts {
  dispatch: DispatchParts;
  learned: LearnedUsage;
  recording: RecordingParts;
}

export interface PreparedLine {
  ready: Ready;
  planned: NativeLine;
  exchange: HttpExchange;
}

const HEADERS = ['content-type', 'application/json'];

/** Throws OutriderError where it cannot be said to the provider; what it holds is given back with `releaseBody`. */
export async function prepareLine(
  parts: NativeLineParts,
  choice: NativeChoice,
  batch: string,
  number: number,
  line: BatchLine,
  route: TableRoute,
): Promise<PreparedLine> {
  const { dispatch, learned } = parts;
  const planned = choice.plan(line, route);
  if (typeof planned === 'string') throw new Error(`line ${number}: ${planned}`);
  const req = innerRequest(line.path, HEADERS);
  const hold = dispatch.memory.open();
  const exchange = new HttpExchange(
    innerId(batch, number),
    req,
    new DiscardedResponse(req),
    line.dialect,
    hold,
    learned,
  );
  exchange.bodyShared = true;
  exchange.path = line.path;
  exchange.route = route.key;
  exchange.internal = { purpose: 'Batch', parent: batch };
  exchange.envelope = line.envelope;
  exchange.facts = planned.facts;
  exchange.plan = planned.plan;
  try {
    reserve(hold, line.body.length);
    const preparation = new Preparation(exchange, dispatch, hold);
    await preparation.gather(planned.candidate);
    const assembly = new Assembly(exchange, planned.plan.rule, dispatch, preparation);
    return { ready: assembly.assemble(planned.candidate, undefined), planned, exchange };
  } catch (error) {
    exchange.releaseBody();
    throw error;
  }
}

/** Settles a line by the provider's own usage, in the tier of batches, and gives its answer in the dialect of the line. */
export function settleLine(
  { recording }: NativeLineParts,
  { ready, planned, exchange }: PreparedLine,
  { status, body, unserved }: RemoteResult,
  spend: SpendHold | undefined,
): { status: number; body: Buffer } {
  const { wire, translation } = ready.request;
  const now = performance.now();
  const attempt = newAttempt(planned.candidate, 'First', now, ready.way);
  attempt.endedAt = now;
  attempt.serviceTier = 'Batch';
  attempt.spend = spend;
  let answer = { status, body };
  if (unserved) {
    attempt.noWork = true;
    attempt.failure = status >= 400 && status < 500 ? 'Caller' : 'ServerError';
    const error = wire.readError(body);
    if (translation && error) answer = { status, body: translation.error(error, status) };
  } else {
    const reading = wire.readComplete(body);
    attempt.httpStatus = status;
    attempt.committedAt = now;
    attempt.rawUsage = reading.usage;
    attempt.responseModel = reading.model;
    attempt.responseId = reading.responseId;
    attempt.finishReasons = reading.finishReasons;
    attempt.outputBytes = reading.outputBytes;
    if (translation) answer = translated(translation, status, body);
  }
  exchange.attempts.push(attempt);
  exchange.steps.push({
    stage: 'dispatch',
    what: 'Batch',
    detail: `${planned.candidate.provider.name} answered it as part of a batch of its own`,
  });
  exchange.outcome = {
    status: answer.status,
    endedAt: now,
    errorCode: undefined,
    broken: false,
    cancelled: false,
    streamed: false,
    responseBytes: answer.body.length,
  };
  recordExchange(exchange, recording);
  return answer;
}

/** An answer that cannot be read is an error of its line alone. */
function translated(
  translation: Translation,
  status: number,
  body: Buffer,
): { status: number; body: Buffer } {
  try {
    return { status, body: translation.complete(body) };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const error = { status: undefined, code: 'invalid_body', type: undefined, message };
    return { status: 502, body: translation.error(error, 502) };
  }
}
