/**
 * What the spans of a request say. Names and codes only: no prompt, no vendor text, no key. Each span has facts, which are the same
 * for all plain requests of a target that agree in what `plain-spans.ts` compares, and values, which are of this request alone.
 */
import { inputTokens, outputTokens, type Usage } from '../accounting/usage.ts';
import { formatUsd } from '../accounting/usd.ts';
import type { CacheUse } from '../cache/use.ts';
import { wordOf } from '../dialects/service-tier.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import { attemptResult, type Finished } from './finished.ts';
import type { KnownProvider } from './known-names.ts';
import * as s from './semconv.ts';
import { cut, word } from './words.ts';

/** Whole numbers are told as such. */
export type AttributeValue = string | number | boolean | readonly string[];

/** Where the attributes of one span go. */
export interface AttributeSink {
  /** An attribute without a value is left out. */
  put(key: string, value: AttributeValue | undefined): void;
}

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

export function serverFacts(finished: Finished, to: AttributeSink): void {
  const { exchange, outcome } = finished;
  const known = METHODS.has(exchange.method);
  to.put(s.HTTP_METHOD, known ? exchange.method : '_OTHER');
  to.put(s.HTTP_METHOD_ORIGINAL, known ? undefined : cut(exchange.method));
  to.put(s.URL_SCHEME, 'http');
  to.put(s.URL_PATH, cut(exchange.path));
  to.put(s.HTTP_ROUTE, endpoint(exchange));
  to.put(s.HTTP_STATUS, outcome.status);
  if (serverFailed(finished)) to.put(s.ERROR_TYPE, outcome.errorCode ?? String(outcome.status));
  to.put('outrider.outcome', finished.result);
  to.put('outrider.route', exchange.route);
  to.put('outrider.rule', exchange.plan?.rule.name);
  to.put('outrider.error.code', outcome.errorCode);
  to.put('outrider.admission.class', exchange.plan?.rule.admission?.class);
}

export function serverValues(finished: Finished, to: AttributeSink): void {
  const { exchange } = finished;
  to.put('outrider.request.id', exchange.id);
  if (exchange.cache) cacheAttributes(exchange.cache, finished, to);
  to.put('outrider.admission.waited_ms', exchange.waitedMs);
  to.put('outrider.budget.id', exchange.budget?.id);
  to.put('outrider.budget.waited_ms', exchange.budget?.waitedMs);
}

/** Who is asked has a span of its own; who had given the answer is told here. */
function cacheAttributes(
  { result, by, why, ageMs, similarityPercent, served }: CacheUse,
  { result: ended }: Finished,
  to: AttributeSink,
): void {
  to.put('outrider.cache.result', result);
  to.put('outrider.cache.reason', by ?? why);
  to.put('outrider.cache.age_ms', ageMs === undefined ? undefined : Math.round(ageMs));
  to.put('outrider.cache.similarity_percent', similarityPercent);
  if (!served) return;
  const { candidate, savedNanoUsd } = served;
  to.put('outrider.target', candidate.target.name);
  to.put('outrider.provider', candidate.providerId.slice('provider/'.length));
  to.put(s.GEN_AI_RESPONSE_MODEL, cut(candidate.upstreamModel));
  if (ended === 'OK' && savedNanoUsd !== undefined)
    to.put('outrider.cache.saved_usd', formatUsd(savedNanoUsd));
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
export function callFacts(
  finished: Finished,
  last: Attempt,
  provider: KnownProvider,
  to: AttributeSink,
): void {
  const { exchange, outcome } = finished;
  const { plan, facts } = exchange;
  const result = attemptResult(last);
  if (exchange.dialect.operation !== 'passthrough') genAiFacts(finished, last, provider, to);
  address(provider, to);
  to.put(s.ERROR_TYPE, result === 'OK' ? undefined : result);
  to.put('outrider.route', exchange.route);
  to.put('outrider.rule', plan?.rule.name);
  to.put('outrider.experiment', plan?.arm?.experiment.body.name);
  to.put('outrider.arm', plan?.arm?.arm.name);
  to.put('outrider.purpose', exchange.internal?.purpose);
  to.put('outrider.parent', exchange.internal?.parent);
  to.put('outrider.asked_model', facts?.askedModel === undefined ? undefined : cut(facts.askedModel));
  to.put('outrider.target', last.candidate.target.name);
  to.put('outrider.provider', provider.label);
  to.put('outrider.attempts', exchange.attempts.length);
  to.put('outrider.cancelled', outcome.cancelled);
  to.put('outrider.usage.estimated', finished.estimated);
  to.put('outrider.unpriced_attempts', positive(finished.unpriced));
  signalAttributes(facts, to);
}

export function callValues(finished: Finished, last: Attempt, to: AttributeSink): void {
  const { exchange, tokens } = finished;
  if (exchange.dialect.operation !== 'passthrough') genAiValues(finished, last, to);
  to.put('outrider.usage.input_tokens', inputTokens(tokens));
  to.put('outrider.usage.output_tokens', outputTokens(tokens));
  usageKinds(tokens, to);
  if (finished.priced > 0 || finished.unpriced === 0) {
    to.put('outrider.cost_usd', formatUsd(finished.costNanoUsd));
  }
  to.put('outrider.considered', exchange.plan && considered(exchange.plan.considered));
}

/** What rules asked of the prompt and were told. */
function signalAttributes(facts: Exchange['facts'], to: AttributeSink): void {
  const told = facts?.signals?.told();
  if (!told) return;
  to.put('outrider.signal.intent', told.intent);
  to.put('outrider.signal.label', told.label);
  to.put('outrider.signal.difficulty', told.difficulty);
  to.put('outrider.signal.language', told.language);
  to.put('outrider.signal.content', told.content);
}

/** The kinds within the sums; the rest of each sum is plain text. */
function usageKinds(tokens: Usage, to: AttributeSink): void {
  to.put('outrider.usage.cache_read_tokens', positive(tokens.cacheRead));
  to.put('outrider.usage.cache_write_5m_tokens', positive(tokens.cacheWrite5m ?? 0));
  to.put('outrider.usage.cache_write_1h_tokens', positive(tokens.cacheWrite1h ?? 0));
  to.put('outrider.usage.audio_input_tokens', positive(tokens.audioInput));
  to.put('outrider.usage.audio_cache_read_tokens', positive(tokens.audioCacheRead ?? 0));
  to.put('outrider.usage.reasoning_tokens', positive(tokens.reasoning));
  to.put('outrider.usage.audio_output_tokens', positive(tokens.audioOutput));
  to.put('outrider.usage.images', positive(tokens.imageOutput ?? 0));
}

function genAiFacts({ exchange }: Finished, last: Attempt, provider: KnownProvider, to: AttributeSink): void {
  const { facts } = exchange;
  const reasons = finishReasons(last);
  to.put(s.GEN_AI_OPERATION, exchange.dialect.operation);
  to.put(s.GEN_AI_PROVIDER, provider.vendor);
  to.put(s.GEN_AI_REQUEST_MODEL, cut(last.candidate.upstreamModel));
  if (facts?.stream) to.put(s.GEN_AI_REQUEST_STREAM, true);
  if (facts?.choices !== 1) to.put(s.GEN_AI_REQUEST_CHOICES, facts?.choices);
  if (facts?.jsonSchema) to.put(s.GEN_AI_OUTPUT_TYPE, 'json');
  to.put(s.GEN_AI_RESPONSE_MODEL, last.responseModel === undefined ? undefined : cut(last.responseModel));
  if (reasons.length > 0) to.put(s.GEN_AI_FINISH_REASONS, reasons);
  if (provider.vendor === 'openai') to.put(s.OPENAI_SERVICE_TIER, wordOf(last.serviceTier));
}

function genAiValues({ exchange, outcome }: Finished, last: Attempt, to: AttributeSink): void {
  const { facts, committedAt } = exchange;
  to.put(s.GEN_AI_REQUEST_MAX_TOKENS, facts?.maxOutputTokens);
  to.put(s.GEN_AI_RESPONSE_ID, word(last.responseId) ?? undefined);
  if (outcome.streamed && committedAt !== undefined) {
    const start = exchange.attempts[0]?.startedAt ?? exchange.startedAt;
    to.put(s.GEN_AI_TIME_TO_FIRST_CHUNK, (committedAt - start) / 1000);
  }
  if (last.settlement?.source !== 'Provider') return;
  const { usage } = last.settlement;
  to.put(s.GEN_AI_INPUT_TOKENS, inputTokens(usage));
  to.put(s.GEN_AI_OUTPUT_TOKENS, outputTokens(usage));
  const audioCached = usage.audioCacheRead ?? 0;
  // The conventions count what has a modality in the sums as well.
  to.put(s.GEN_AI_CACHE_READ_TOKENS, positive(usage.cacheRead + audioCached));
  to.put(s.GEN_AI_CACHE_WRITE_TOKENS, positive((usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0)));
  to.put(s.GEN_AI_REASONING_TOKENS, positive(usage.reasoning));
  to.put(s.GEN_AI_AUDIO_INPUT_TOKENS, positive(usage.audioInput + audioCached));
  to.put(s.GEN_AI_AUDIO_CACHE_READ_TOKENS, positive(audioCached));
  to.put(s.GEN_AI_AUDIO_OUTPUT_TOKENS, positive(usage.audioOutput));
}

/** A generation that ended before its reason came ended with `error`. */
function finishReasons(last: Attempt): string[] {
  if (last.finishReasons.length > 0) return last.finishReasons.map((reason) => word(reason) ?? '');
  const abnormal = last.failure === 'StreamError' || (last.cancelled && last.committedAt !== undefined);
  return abnormal ? ['error'] : [];
}

export function attemptFacts(
  attempt: Attempt,
  index: number,
  method: string,
  provider: KnownProvider,
  to: AttributeSink,
): void {
  const { candidate } = attempt;
  const result = attemptResult(attempt);
  to.put(s.HTTP_METHOD, METHODS.has(method) ? method : '_OTHER');
  address(provider, to);
  to.put(s.HTTP_STATUS, attempt.httpStatus);
  to.put(s.HTTP_RESEND_COUNT, positive(index));
  to.put(s.ERROR_TYPE, result === 'OK' ? undefined : result);
  to.put('outrider.attempt.number', index + 1);
  to.put('outrider.attempt.kind', attempt.kind);
  to.put('outrider.attempt.result', result);
  to.put('outrider.target', candidate.target.name);
  to.put('outrider.provider', provider.label);
  to.put('outrider.upstream_model', cut(candidate.upstreamModel));
  to.put('outrider.credential', candidate.credential?.name);
  to.put('outrider.failure.class', attempt.failure);
  to.put('outrider.failure.scope', attempt.scope);
  to.put('outrider.failure.code', word(attempt.errorCode) ?? undefined);
  to.put('outrider.service_tier', attempt.serviceTier);
  to.put('outrider.attempt.usage_source', attempt.settlement?.source);
}

export function attemptValues({ upstreamRequestId, settlement }: Attempt, to: AttributeSink): void {
  to.put('outrider.upstream_request_id', word(upstreamRequestId) ?? undefined);
  if (settlement === undefined) return;
  const { usage, costNanoUsd } = settlement;
  to.put('outrider.attempt.input_tokens', inputTokens(usage));
  to.put('outrider.attempt.output_tokens', outputTokens(usage));
  to.put('outrider.attempt.cost_usd', costNanoUsd === undefined ? undefined : formatUsd(costNanoUsd));
}

function address({ host, port }: KnownProvider, to: AttributeSink): void {
  if (host === undefined || port === undefined) return;
  to.put(s.SERVER_ADDRESS, host);
  to.put(s.SERVER_PORT, port);
}

/** Counts of what is rare are told only where there are any. */
const positive = (count: number): number | undefined => (count > 0 ? count : undefined);

function considered(list: NonNullable<Exchange['plan']>['considered']): string[] {
  return list.slice(0, MOST_CONSIDERED).map(({ target, reason }) => `${target}: ${reason}`);
}
