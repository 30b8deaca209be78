/** What the spans of a request say. Names and codes only: no prompt, no vendor text, no key. */
import type { Attributes } from '@opentelemetry/api';
import { formatUsd } from '../accounting/usd.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import { attemptResult, type Finished, inputTokens, outputTokens } from './finished.ts';
import type { KnownProvider } from './known-names.ts';
import * as s from './semconv.ts';
import { cut, word } from './words.ts';

const METHODS = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);
const MOST_CONSIDERED = 32;

export function serverName(exchange: Exchange): string {
  const method = METHODS.has(exchange.method) ? exchange.method : 'HTTP';
  const route = endpoint(exchange);
  return route === undefined ? method : `${method} ${route}`;
}

export function serverAttributes(finished: Finished): Attributes {
  const { exchange, outcome } = finished;
  const known = METHODS.has(exchange.method);
  const route = endpoint(exchange);
  return {
    [s.HTTP_METHOD]: known ? exchange.method : '_OTHER',
    ...(!known && { [s.HTTP_METHOD_ORIGINAL]: cut(exchange.method) }),
    [s.URL_SCHEME]: 'http',
    [s.URL_PATH]: cut(exchange.path),
    ...(route !== undefined && { [s.HTTP_ROUTE]: route }),
    [s.HTTP_STATUS]: outcome.status,
    ...(serverFailed(finished) && { [s.ERROR_TYPE]: outcome.errorCode ?? String(outcome.status) }),
    'outrider.request.id': exchange.id,
    'outrider.outcome': finished.result,
    ...(exchange.route !== undefined && { 'outrider.route': exchange.route }),
    ...(exchange.plan && { 'outrider.rule': exchange.plan.rule.name }),
    ...(outcome.errorCode !== undefined && { 'outrider.error.code': outcome.errorCode }),
  };
}

/** An answer of 4xx is the caller's doing; a broken stream is ours, whatever its status said. */
export function serverFailed({ outcome }: Finished): boolean {
  return outcome.status >= 500 || outcome.broken;
}

/** Endpoints whose paths are a fixed list; on unread paths the path holds names of files and the like. */
function endpoint(exchange: Exchange): string | undefined {
  return exchange.dialect.operation === 'passthrough' ? undefined : cut(exchange.path);
}

export function callName(exchange: Exchange, last: Attempt): string {
  return `${exchange.dialect.operation} ${cut(last.candidate.upstreamModel)}`;
}

/** The call over all its attempts. `gen_ai.usage.*` is what the provider of the answer said; `outrider.usage.*` all that was settled. */
export function callAttributes(finished: Finished, last: Attempt, provider: KnownProvider): Attributes {
  const { exchange, outcome, tokens } = finished;
  const result = attemptResult(last);
  return {
    ...genAiAttributes(finished, last, provider),
    ...address(provider),
    ...(result !== 'OK' && { [s.ERROR_TYPE]: result }),
    ...(exchange.route !== undefined && { 'outrider.route': exchange.route }),
    ...(exchange.plan && { 'outrider.rule': exchange.plan.rule.name }),
    ...(exchange.facts?.askedModel !== undefined && {
      'outrider.asked_model': cut(exchange.facts.askedModel),
    }),
    'outrider.target': last.candidate.target.name,
    'outrider.provider': provider.label,
    'outrider.attempts': exchange.attempts.length,
    'outrider.cancelled': outcome.cancelled,
    'outrider.usage.input_tokens': inputTokens(tokens),
    'outrider.usage.output_tokens': outputTokens(tokens),
    'outrider.usage.estimated': finished.estimated,
    ...((finished.priced > 0 || finished.unpriced === 0) && {
      'outrider.cost_usd': formatUsd(finished.costNanoUsd),
    }),
    ...(finished.unpriced > 0 && { 'outrider.unpriced_attempts': finished.unpriced }),
    ...(exchange.plan && { 'outrider.considered': considered(exchange.plan.considered) }),
  };
}

function genAiAttributes(finished: Finished, last: Attempt, provider: KnownProvider): Attributes {
  const { exchange, outcome } = finished;
  const { facts } = exchange;
  if (exchange.dialect.operation === 'passthrough') return {};
  const start = exchange.attempts[0]?.startedAt ?? exchange.startedAt;
  const usage = last.settlement?.source === 'Provider' ? last.settlement.usage : undefined;
  const reasons = finishReasons(last);
  return {
    [s.GEN_AI_OPERATION]: exchange.dialect.operation,
    [s.GEN_AI_PROVIDER]: provider.vendor,
    [s.GEN_AI_REQUEST_MODEL]: cut(last.candidate.upstreamModel),
    ...(facts?.stream && { [s.GEN_AI_REQUEST_STREAM]: true }),
    ...(facts && facts.choices !== 1 && { [s.GEN_AI_REQUEST_CHOICES]: facts.choices }),
    ...(facts?.maxOutputTokens !== undefined && { [s.GEN_AI_REQUEST_MAX_TOKENS]: facts.maxOutputTokens }),
    ...(facts?.jsonSchema && { [s.GEN_AI_OUTPUT_TYPE]: 'json' }),
    ...(last.responseId !== undefined && { [s.GEN_AI_RESPONSE_ID]: word(last.responseId) ?? '' }),
    ...(last.responseModel !== undefined && { [s.GEN_AI_RESPONSE_MODEL]: cut(last.responseModel) }),
    ...(reasons.length > 0 && { [s.GEN_AI_FINISH_REASONS]: reasons }),
    ...(outcome.streamed &&
      exchange.committedAt !== undefined && {
        [s.GEN_AI_TIME_TO_FIRST_CHUNK]: (exchange.committedAt - start) / 1000,
      }),
    ...(usage && {
      [s.GEN_AI_INPUT_TOKENS]: inputTokens(usage),
      [s.GEN_AI_OUTPUT_TOKENS]: outputTokens(usage),
      ...(usage.cacheRead > 0 && { [s.GEN_AI_CACHE_READ_TOKENS]: usage.cacheRead }),
      ...(usage.reasoning > 0 && { [s.GEN_AI_REASONING_TOKENS]: usage.reasoning }),
      ...(usage.audioInput > 0 && { [s.GEN_AI_AUDIO_INPUT_TOKENS]: usage.audioInput }),
      ...(usage.audioOutput > 0 && { [s.GEN_AI_AUDIO_OUTPUT_TOKENS]: usage.audioOutput }),
    }),
  };
}

/** A generation that ended before its reason came ended with `error`. */
function finishReasons(last: Attempt): string[] {
  if (last.finishReasons.length > 0) return last.finishReasons.map((reason) => word(reason) ?? '');
  const abnormal = last.failure === 'StreamError' || (last.cancelled && last.committedAt !== undefined);
  return abnormal ? ['error'] : [];
}

export function attemptAttributes(
  attempt: Attempt,
  index: number,
  method: string,
  provider: KnownProvider,
): Attributes {
  const { candidate, settlement } = attempt;
  const result = attemptResult(attempt);
  return {
    [s.HTTP_METHOD]: METHODS.has(method) ? method : '_OTHER',
    ...address(provider),
    ...(attempt.httpStatus !== undefined && { [s.HTTP_STATUS]: attempt.httpStatus }),
    ...(index > 0 && { [s.HTTP_RESEND_COUNT]: index }),
    ...(result !== 'OK' && { [s.ERROR_TYPE]: result }),
    'outrider.attempt.number': index + 1,
    'outrider.attempt.kind': attempt.kind,
    'outrider.attempt.result': result,
    'outrider.target': candidate.target.name,
    'outrider.provider': provider.label,
    'outrider.upstream_model': cut(candidate.upstreamModel),
    ...(candidate.credential && { 'outrider.credential': candidate.credential.name }),
    ...(attempt.failure !== undefined && { 'outrider.failure.class': attempt.failure }),
    ...(attempt.scope !== undefined && { 'outrider.failure.scope': attempt.scope }),
    ...(attempt.errorCode !== undefined && { 'outrider.failure.code': word(attempt.errorCode) ?? '' }),
    ...(attempt.upstreamRequestId !== undefined && {
      'outrider.upstream_request_id': word(attempt.upstreamRequestId) ?? '',
    }),
    ...(settlement && {
      'outrider.attempt.usage_source': settlement.source,
      'outrider.attempt.input_tokens': inputTokens(settlement.usage),
      'outrider.attempt.output_tokens': outputTokens(settlement.usage),
      ...(settlement.costNanoUsd !== undefined && {
        'outrider.attempt.cost_usd': formatUsd(settlement.costNanoUsd),
      }),
    }),
  };
}

function address(provider: KnownProvider): Attributes {
  if (provider.host === undefined || provider.port === undefined) return {};
  return { [s.SERVER_ADDRESS]: provider.host, [s.SERVER_PORT]: provider.port };
}

function considered(list: NonNullable<Exchange['plan']>['considered']): string[] {
  return list.slice(0, MOST_CONSIDERED).map(({ target, reason }) => `${target}: ${reason}`);
}
