/**
 * What this pod has seen its targets do, for ranking. It hears of every attempt and every finished exchange, and keeps a
 * fixed amount per provider and model. Other pods' views come apart from it; nothing here is shared.
 */
import { inputTokens, type Usage } from '../../accounting/usage.ts';
import type { Attempt, AttemptObserver, Exchange, ExchangeObserver } from '../../exchange.ts';
import type { Candidate } from '../plan.ts';
import { ownKind } from './answer-kind.ts';
import { inputBucket } from './buckets.ts';
import { Lengths } from './lengths.ts';
import { TargetMemory } from './target-memory.ts';

/** Models per provider: callers may invent names, so those asked longest ago go first. */
const MAX_MODELS = 256;
/** Shorter streams say more about the network than about the model. */
const LEAST_TOKENS = 20;
/** Tokens that a byte of output is worth, where reasoning may or may not have been shown. */
const TOKENS_PER_BYTE = 0.235;

export class Observed implements AttemptObserver, ExchangeObserver {
  readonly lengths = new Lengths();
  readonly #providers = new Map<string, Map<string, TargetMemory>>();

  /** Undefined: it was never asked. */
  of({ providerId, upstreamModel }: Candidate): TargetMemory | undefined {
    return this.#providers.get(providerId)?.get(upstreamModel);
  }

  /** Attempts under way at the candidate's model of its provider, from this pod. */
  inFlight(candidate: Candidate): number {
    return this.of(candidate)?.inFlight ?? 0;
  }

  started(attempt: Attempt, exchange: Exchange): void {
    const memory = this.#at(attempt.candidate);
    const others = memory.inFlight++;
    memory.startedAt = attempt.startedAt;
    if (!isTimed(exchange)) return;
    const { inputTokens: tokens, stream } = exchange.facts;
    if (stream) memory.join(attempt, others);
    memory.waitsOf(inputBucket(tokens), stream).open.set(attempt, others);
  }

  committed(attempt: Attempt, exchange: Exchange): void {
    if (!isTimed(exchange)) return;
    // A stream may be handed on before it has any content; then its content is waited for.
    const { firstContentAt, committedAt } = attempt;
    const at = firstContentAt ?? (exchange.facts.stream ? undefined : committedAt);
    if (at !== undefined) this.#waited(attempt, exchange, at, false);
  }

  ended(attempt: Attempt, exchange: Exchange): void {
    const memory = this.of(attempt.candidate);
    if (memory === undefined) return;
    memory.inFlight = Math.max(0, memory.inFlight - 1);
    const { firstContentAt, endedAt, failure, cancelled } = attempt;
    if (endedAt === undefined || !isTimed(exchange)) return;
    if (firstContentAt !== undefined) this.#waited(attempt, exchange, firstContentAt, false);
    else if (failure === undefined && !cancelled) this.#waited(attempt, exchange, endedAt, false);
    // Whoever gave up only knows that it would have taken longer.
    else if (failure === 'Timeout' || cancelled) this.#waited(attempt, exchange, endedAt, true);
    // Other failures say nothing about time, and are for breakers.
    else this.#forget(attempt, exchange);
  }

  completed(exchange: Exchange): void {
    if (!isTimed(exchange)) return;
    for (const attempt of exchange.attempts) {
      const { settlement, failure, cancelled } = attempt;
      const memory = this.of(attempt.candidate);
      const others = memory?.leave(attempt) ?? 0;
      if (settlement?.source !== 'Provider' || failure !== undefined || cancelled) continue;
      if (memory === undefined) continue;
      this.#learn(memory, attempt, settlement.usage, exchange);
      learnPace(memory, attempt, settlement.usage, others);
    }
  }

  /** Forgets providers that are no longer configured. */
  retain(providers: { has(id: string): boolean }): void {
    for (const id of this.#providers.keys()) if (!providers.has(id)) this.#providers.delete(id);
  }

  #learn(memory: TargetMemory, attempt: Attempt, usage: Usage, exchange: TimedExchange): void {
    const now = attempt.endedAt ?? exchange.startedAt;
    const { facts } = exchange;
    const input = inputTokens(usage);
    if (input > 0) {
      const { cacheRead, cacheWrite5m = 0, cacheWrite1h = 0 } = usage;
      memory.billed({ cacheRead, cacheWrite5m, cacheWrite1h }, input);
      memory.inputRatio.observe(facts.inputTokens, input);
    }
    const kind = facts.answerKind;
    if (kind === undefined) return;
    const length = { output: usage.output + usage.audioOutput, reasoning: usage.reasoning };
    this.lengths.observe(memory.lengths, kind, ownKind(kind, attempt.candidate), length, now);
  }

  #waited(attempt: Attempt, exchange: TimedExchange, until: number, atLeast: boolean): void {
    const memory = this.of(attempt.candidate);
    const waits = memory?.waitsOf(inputBucket(exchange.facts.inputTokens), exchange.facts.stream);
    const beside = waits?.open.get(attempt);
    // Not, or no longer, waited for.
    if (memory === undefined || waits === undefined || beside === undefined) return;
    waits.open.delete(attempt);
    const ms = until - attempt.startedAt;
    if (atLeast && !(ms > waits.times.mean)) return;
    memory.waited(waits, ms, beside, until);
  }

  #forget(attempt: Attempt, { facts }: TimedExchange): void {
    this.of(attempt.candidate)?.waitsOf(inputBucket(facts.inputTokens), facts.stream).open.delete(attempt);
  }

  #at({ providerId, upstreamModel }: Candidate): TargetMemory {
    let models = this.#providers.get(providerId);
    if (models === undefined) {
      models = new Map();
      this.#providers.set(providerId, models);
    }
    let memory = models.get(upstreamModel);
    if (memory === undefined) {
      const [oldest] = models.size >= MAX_MODELS ? models.keys() : [];
      if (oldest !== undefined) models.delete(oldest);
      memory = new TargetMemory();
      models.set(upstreamModel, memory);
    }
    return memory;
  }
}

type TimedExchange = Exchange & { facts: NonNullable<Exchange['facts']> };

/** Requests whose answers are comparable: not those that pass unread, nor counts, which no model generates. */
function isTimed(exchange: Exchange): exchange is TimedExchange {
  const { facts, dialect } = exchange;
  return facts !== undefined && facts.unread !== true && dialect.operation !== 'count_tokens';
}

/** `others`: attempts that were under way when it began. */
function learnPace(memory: TargetMemory, attempt: Attempt, usage: Usage, others: number): void {
  const { firstContentAt, endedAt, chunkTimes, outputBytes } = attempt;
  if (firstContentAt === undefined || endedAt === undefined) return;
  const shown = Math.max(usage.output, Math.round(outputBytes * TOKENS_PER_BYTE));
  const tokens = Math.min(shown, usage.output + usage.reasoning);
  const ms = chunkTimes === undefined ? endedAt - firstContentAt : chunkTimes.sum * 1000;
  if (tokens < LEAST_TOKENS || !(ms > 0)) return;
  const pace = ms / (tokens - 1);
  memory.pace.observe(pace, endedAt);
  memory.paceEach.observe(pace / (1 + (others + memory.inFlight) / 2), endedAt);
}
