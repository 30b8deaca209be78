/** Counts a finished exchange. Failed tries, aborted streams and refusals count like everything else. */
import type { CacheUse } from '../cache/use.ts';
import type { Attempt, Exchange, Outcome } from '../exchange.ts';
import { budgetResult } from './budget-result.ts';
import { attemptResult, type Finished, type Result } from './finished.ts';
import { type KnownNames, type KnownProvider, OTHER } from './known-names.ts';
import type { Meter } from './meter.ts';
import { isPlainCount, type PlainSeries, PlainSeriesBook } from './plain-series.ts';
import { ExperimentRecorder } from './record-experiment.ts';
import { countCall, GenAiRecorder } from './record-gen-ai.ts';
import type { CounterSeries, Family, HistogramSeries, MoneySeries } from './series.ts';

const COMMON_STATUS = new Map(
  [
    200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 421, 422, 426, 429, 499, 500, 501,
    502, 503, 504, 529,
  ].map((status) => [status, String(status)]),
);

/** By code of the error table. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['rate_limited', 'NoHeadroom'],
  ['admission_timeout', 'Timeout'],
  ['admission_shed', 'Shed'],
]);

export class MetricsRecorder {
  readonly #meter: Meter;
  readonly #requests: Family<CounterSeries>;
  readonly #attempts: Family<CounterSeries>;
  readonly #failovers: Family<CounterSeries>;
  readonly #hedges: Family<CounterSeries>;
  readonly #stalls: Family<CounterSeries>;
  readonly #tokens: Family<CounterSeries>;
  readonly #images: Family<CounterSeries>;
  readonly #cost: Family<MoneySeries>;
  readonly #costUnknown: Family<CounterSeries>;
  readonly #cache: Family<CounterSeries>;
  readonly #cacheSaved: Family<MoneySeries>;
  readonly #contextSaved: Family<CounterSeries>;
  readonly #warnings: Family<CounterSeries>;
  readonly #commit: Family<HistogramSeries>;
  readonly #added: HistogramSeries;
  readonly #internal: Family<CounterSeries>;
  readonly #internalSeconds: Family<HistogramSeries>;
  readonly #genAi: GenAiRecorder;
  readonly #experiments: ExperimentRecorder;
  readonly #waited: Family<HistogramSeries>;
  readonly #refused: Family<CounterSeries>;
  readonly #budgets: Family<CounterSeries>;
  readonly #budgetWait: HistogramSeries;
  readonly #rateRefused: Family<CounterSeries>;
  readonly #rateWaited: Family<CounterSeries>;
  #names: KnownNames;
  #plain = new PlainSeriesBook();

  constructor(meter: Meter, names: KnownNames) {
    this.#meter = meter;
    this.#names = names;
    this.#requests = meter.counter('requests');
    this.#attempts = meter.counter('attempts');
    this.#failovers = meter.counter('failovers');
    this.#hedges = meter.counter('hedges');
    this.#stalls = meter.counter('stalls');
    this.#tokens = meter.counter('tokens');
    this.#images = meter.counter('images');
    this.#cost = meter.money('cost');
    this.#costUnknown = meter.counter('costUnknown');
    this.#cache = meter.counter('cache');
    this.#cacheSaved = meter.money('cacheSaved');
    this.#contextSaved = meter.counter('contextSaved');
    this.#warnings = meter.counter('warnings');
    this.#commit = meter.histogram('commitSeconds');
    this.#added = meter.histogram('addedSeconds').only;
    this.#internal = meter.counter('internalRequests');
    this.#internalSeconds = meter.histogram('internalSeconds');
    this.#genAi = new GenAiRecorder(meter);
    this.#experiments = new ExperimentRecorder(meter);
    this.#waited = meter.histogram('admissionWait');
    this.#refused = meter.counter('admissionRefused');
    this.#budgets = meter.counter('budgetRequests');
    this.#budgetWait = meter.histogram('budgetWait').only;
    this.#rateRefused = meter.counter('rateLimitRefused');
    this.#rateWaited = meter.counter('rateLimitWaited');
  }

  /** Series of things that `names` does not have any more are deleted. */
  changeNames(names: KnownNames): void {
    this.#names = names;
    this.#plain = new PlainSeriesBook();
    this.#meter.keepOnly((instrument, values) => names.has(instrument, values));
  }

  /** `plain`: the only attempt of a request with nothing to explain. */
  record(finished: Finished, plain?: Attempt): void {
    if (plain !== undefined && isPlainCount(finished, plain)) this.#recordPlain(finished, plain);
    else this.#recordAny(finished);
  }

  #recordPlain(finished: Finished, attempt: Attempt): void {
    const { tokens, costNanoUsd, commitMs = 0, outcome, addedMs } = finished;
    const of = this.#plain.of(finished, attempt, () => this.#plainSeries(finished, attempt));
    of.requests.value++;
    this.#added.observe(addedMs / 1000);
    of.attempts.value++;
    of.input.value += tokens.input;
    of.output.value += tokens.output;
    of.cost.nano += costNanoUsd;
    of.commit.observe(commitMs / 1000);
    countCall(of.call, (outcome.endedAt - attempt.startedAt) / 1000, tokens.input, tokens.output);
  }

  #plainSeries({ exchange, outcome }: Finished, attempt: Attempt): PlainSeries {
    const names = this.#names;
    const route = names.route(exchange.route);
    const rule = names.rule(exchange.route, exchange.plan?.rule.name);
    const asked = names.asked(exchange.route, exchange.modelPattern);
    const provider = names.provider(attempt.candidate.providerId);
    const { label } = provider;
    const model = modelLabel(attempt, provider);
    return {
      requests: this.#requests.with([route, rule, asked, statusLabel(outcome.status), 'OK']),
      attempts: this.#attempts.with([route, rule, label, model, 'First', 'OK']),
      input: this.#tokens.with([route, rule, label, model, 'input', 'Provider']),
      output: this.#tokens.with([route, rule, label, model, 'output', 'Provider']),
      cost: this.#cost.with([route, rule, label, model, 'Provider']),
      commit: this.#commit.with([label, model]),
      call: this.#genAi.plain(provider, model, attempt.responseModel, route, rule),
    };
  }

  #recordAny(finished: Finished): void {
    const { exchange, outcome, result, last } = finished;
    const names = this.#names;
    const route = names.route(exchange.route);
    const rule = names.rule(exchange.route, exchange.plan?.rule.name ?? exchange.rates?.rule.name);
    const asked = names.asked(exchange.route, exchange.modelPattern);
    const { internal } = exchange;
    if (internal) {
      this.#internal.with([route, internal.purpose, result]).value++;
      this.#internalSeconds.with([internal.purpose]).observe(finished.durationMs / 1000);
    } else {
      this.#requests.with([route, rule, asked, statusLabel(outcome.status), result]).value++;
    }
    if (exchange.warnings.length > 0) this.#warnings.with([route, rule]).value += exchange.warnings.length;
    this.#admission(exchange, route, rule, outcome.errorCode);
    if (exchange.rates?.refusedBy !== undefined)
      this.#limited(exchange.rates.refusedBy, outcome, route, rule);
    if (exchange.budget) this.#budget(exchange, exchange.budget);
    if (exchange.plan?.arm) this.#experiments.record(finished, exchange.plan.arm, route, names);
    if (exchange.cache) this.#cached(exchange.cache, result, route, rule);
    if (last === undefined) return;

    const { savedTokens } = exchange;
    if (savedTokens !== undefined) this.#contextSaved.with([route, rule]).value += savedTokens;
    if (!internal) this.#added.observe(finished.addedMs / 1000);
    if (exchange.hedgeRefused) this.#hedges.with([route, rule, exchange.hedgeRefused]).value++;
    let before: Attempt | undefined;
    for (const attempt of exchange.attempts) {
      const provider = names.provider(attempt.candidate.providerId);
      const model = modelLabel(attempt, provider);
      const outcomeOf = attemptResult(attempt);
      this.#attempts.with([route, rule, provider.label, model, attempt.kind, outcomeOf]).value++;
      if (attempt.stalled) this.#stalls.with([route, rule, provider.label, model, outcomeOf]).value++;
      const hedge = attempt.kind === 'Hedge';
      if (hedge) this.#hedges.with([route, rule, hedgeOutcome(attempt, exchange)]).value++;
      // Not by kind: a failover can be a probe as well. A hedge moves nothing.
      if (!hedge && before !== undefined && attempt.candidate.index !== before.candidate.index) {
        this.#failover(route, rule, before);
      }
      this.#settlement(route, rule, provider, model, attempt);
      this.#genAi.attempt(exchange, attempt, provider, model, route, rule);
      if (!hedge) before = attempt;
    }
    const provider = names.provider(last.candidate.providerId);
    const model = modelLabel(last, provider);
    if (finished.commitMs !== undefined && !internal) {
      this.#commit.with([provider.label, model]).observe(finished.commitMs / 1000);
    }
    this.#genAi.call(finished, last, provider, model);
  }

  #budget(exchange: Exchange, note: NonNullable<Exchange['budget']>): void {
    this.#budgets.with([this.#names.budget(note.id), budgetResult(note, exchange)]).value++;
    if (note.waitedMs !== undefined) this.#budgetWait.observe(note.waitedMs / 1000);
  }

  #admission({ plan, waitedMs }: Exchange, route: string, rule: string, code: string | undefined): void {
    const reason = code === undefined ? undefined : REFUSALS.get(code);
    if (waitedMs === undefined && reason === undefined) return;
    const priority = plan?.rule.admission?.class ?? 'Normal';
    if (waitedMs !== undefined) this.#waited.with([priority]).observe(waitedMs / 1000);
    if (reason !== undefined) this.#refused.with([route, rule, priority, reason]).value++;
  }

  #cached({ result, by, why, served }: CacheUse, ended: Result, route: string, rule: string): void {
    this.#cache.with([route, rule, result, by ?? why ?? '']).value++;
    if (ended !== 'OK' || served?.savedNanoUsd === undefined) return;
    const provider = this.#names.provider(served.candidate.providerId);
    const { model } = served.candidate;
    const name = model === undefined ? OTHER : provider.model(model.name);
    this.#cacheSaved.with([route, rule, provider.label, name]).nano += served.savedNanoUsd;
  }

  #limited(limit: string, { errorCode }: Outcome, route: string, rule: string): void {
    const refused = errorCode === 'rate_limit_exceeded';
    if (!refused && errorCode !== undefined) return;
    const of = refused ? this.#rateRefused : this.#rateWaited;
    of.with([route, rule, this.#names.limit(limit)]).value++;
  }

  #failover(route: string, rule: string, from: Attempt): void {
    const provider = this.#names.provider(from.candidate.providerId);
    const labels = [route, rule, provider.label, modelLabel(from, provider), attemptResult(from)];
    this.#failovers.with(labels).value++;
  }

  #settlement(route: string, rule: string, provider: KnownProvider, model: string, attempt: Attempt): void {
    const settlement = attempt.settlement;
    if (settlement === undefined || settlement.source === 'None') return;
    const { usage, source, costNanoUsd } = settlement;
    if (source === 'Unknown') {
      this.#costUnknown.with([route, rule, provider.label, model, 'Usage']).value++;
      return;
    }
    // One array for all: only the kind differs.
    const labels = [route, rule, provider.label, model, 'input', source];
    if (usage.input > 0) this.#tokens.with(labels).value += usage.input;
    if (usage.cacheRead > 0) this.#kind(labels, 'cache_read', usage.cacheRead);
    if (usage.cacheWrite5m) this.#kind(labels, 'cache_write_5m', usage.cacheWrite5m);
    if (usage.cacheWrite1h) this.#kind(labels, 'cache_write_1h', usage.cacheWrite1h);
    if (usage.audioInput > 0) this.#kind(labels, 'audio_input', usage.audioInput);
    if (usage.audioCacheRead) this.#kind(labels, 'audio_cache_read', usage.audioCacheRead);
    if (usage.output > 0) this.#kind(labels, 'output', usage.output);
    if (usage.reasoning > 0) this.#kind(labels, 'reasoning', usage.reasoning);
    if (usage.audioOutput > 0) this.#kind(labels, 'audio_output', usage.audioOutput);
    if (usage.imageOutput) {
      this.#images.with([route, rule, provider.label, model, source]).value += usage.imageOutput;
    }
    if (costNanoUsd === undefined) {
      this.#costUnknown.with([route, rule, provider.label, model, 'Price']).value++;
    } else {
      this.#cost.with([route, rule, provider.label, model, source]).nano += costNanoUsd;
    }
  }

  #kind(labels: string[], kind: string, tokens: number): void {
    labels[4] = kind;
    this.#tokens.with(labels).value += tokens;
  }
}

function hedgeOutcome(hedge: Attempt, { committedAt }: Exchange): string {
  if (hedge.committedAt !== undefined) return 'Won';
  if (hedge.failure !== undefined) return 'Failed';
  return committedAt === undefined ? 'Cancelled' : 'Lost';
}

/** Names outside what the provider declares are `_OTHER`: with open models, a caller can invent them. */
function modelLabel(attempt: Attempt, provider: KnownProvider): string {
  const model = attempt.candidate.model;
  return model === undefined ? OTHER : provider.model(model.name);
}

function statusLabel(status: number): string {
  return COMMON_STATUS.get(status) ?? `${Math.trunc(status / 100)}xx`;
}
