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
import { TargetMemory, type Waits } from './target-memory.ts';
import { Link } from './waiting.ts';

/** Models per provider: callers may invent names, so those asked longest ago go first. */
const MAX_MODELS = 256;
/** Shorter streams say more about the network than about the model. */
const LEAST_TOKENS = 20;
/** Tokens that a byte of output is worth, where reasoning may or may not have been shown. */
const TOKENS_PER_BYTE = 0.235;

/** Where an attempt is remembered, kept with it: looked up once, when it starts. */
const WATCHED = Symbol('watched');
type Watched = Attempt & { [WATCHED]?: Watch };

interface Watch {
  readonly memory: TargetMemory;
  /** Where it waits; undefined for what is not comparable. */
  readonly waits: Waits | undefined;
  readonly link: Link;
}

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

  started(attempt: Watched, exchange: Exchange): void {
    const memory = this.#at(attempt.candidate);
    const others = memory.inFlight++;
    memory.startedAt = attempt.startedAt;
    const waits = isTimed(exchange)
      ? memory.waitsOf(inputBucket(exchange.facts.inputTokens), exchange.facts.stream)
      : undefined;
    const link = new Link(attempt.startedAt, others);
    waits?.open.add(link);
    attempt[WATCHED] = { memory, waits, link };
  }

  committed(attempt: Watched, exchange: Exchange): void {
    const watch = attempt[WATCHED];
    if (watch?.waits === undefined) return;
    // A stream may be handed on before it has any content; then its content is waited for.
    const { firstContentAt, committedAt } = attempt;
    const at = firstContentAt ?? (exchange.facts?.stream ? undefined : committedAt);
    if (at !== undefined) waited(watch, at, false);
  }

  ended(attempt: Watched, _exchange?: Exchange): void {
    const watch = attempt[WATCHED];
    if (watch === undefined) return;
    const { memory, waits, link } = watch;
    memory.inFlight = Math.max(0, memory.inFlight - 1);
    const { firstContentAt, endedAt, failure, cancelled } = attempt;
    if (endedAt === undefined || waits === undefined) return;
    if (firstContentAt !== undefined) waited(watch, firstContentAt, false);
    else if (failure === undefined && !cancelled) waited(watch, endedAt, false);
    // Whoever gave up only knows that it would have taken longer.
    else if (failure === 'Timeout' || cancelled) waited(watch, endedAt, true);
    // Other failures say nothing about time, and are for breakers.
    else waits.open.remove(link);
  }

  completed(exchange: Exchange): void {
    if (!isTimed(exchange)) return;
    for (const attempt of exchange.attempts as Watched[]) {
      const { settlement, failure, cancelled } = attempt;
      const watch = attempt[WATCHED];
      if (settlement?.source !== 'Provider' || failure !== undefined || cancelled) continue;
      if (watch === undefined) continue;
      this.#learn(watch.memory, attempt, settlement.usage, exchange);
      learnPace(watch.memory, attempt, settlement.usage, exchange.facts.stream ? watch.link.beside : 0);
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

/** It waited until then, or so long at the least; nothing where it waits no longer. */
function waited({ memory, waits, link }: Watch, until: number, atLeast: boolean): void {
  if (!waits?.open.remove(link)) return;
  const ms = until - link.startedAt;
  if (atLeast && !(ms > waits.times.mean)) return;
  memory.waited(waits, ms, link.beside, until);
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
