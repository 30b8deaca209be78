/**
 * The GenAI metrics: what providers said, under the names that the switch chose. Estimates are not among them, the
 * conventions want the provider's numbers; `outrider_tokens_total` has both. Unread paths are no GenAI calls.
 */
import { inputTokens, outputTokens } from '../accounting/usage.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import { attemptResult, type Finished } from './finished.ts';
import type { KnownProvider } from './known-names.ts';
import type { Meter } from './meter.ts';
import type { CounterSeries, Family, HistogramSeries } from './series.ts';

export interface CallSeries {
  readonly usageInput: CounterSeries | undefined;
  readonly usageOutput: CounterSeries | undefined;
  readonly inferenceDuration: HistogramSeries | undefined;
  readonly operationDuration: HistogramSeries | undefined;
  readonly operationInput: HistogramSeries | undefined;
  readonly operationOutput: HistogramSeries | undefined;
  readonly olderInput: HistogramSeries | undefined;
  readonly olderOutput: HistogramSeries | undefined;
}

/** As `attempt` and `call` do it. */
export function countCall(of: CallSeries, seconds: number, input: number, output: number): void {
  if (of.usageInput && of.usageOutput) {
    of.usageInput.value += input;
    of.usageOutput.value += output;
  }
  of.inferenceDuration?.observe(seconds);
  of.operationDuration?.observe(seconds);
  of.operationInput?.observe(input);
  of.operationOutput?.observe(output);
  of.olderInput?.observe(input);
  of.olderOutput?.observe(output);
}

export class GenAiRecorder {
  readonly #older: boolean;
  readonly #inferenceDuration: Family<HistogramSeries> | undefined;
  readonly #inferenceFirstChunk: Family<HistogramSeries> | undefined;
  readonly #inferenceChunk: Family<HistogramSeries> | undefined;
  readonly #usageInput: Family<CounterSeries> | undefined;
  readonly #usageOutput: Family<CounterSeries> | undefined;
  readonly #usageCacheRead: Family<CounterSeries> | undefined;
  readonly #usageCacheWrite: Family<CounterSeries> | undefined;
  readonly #usageReasoning: Family<CounterSeries> | undefined;
  readonly #operationInput: Family<HistogramSeries> | undefined;
  readonly #operationOutput: Family<HistogramSeries> | undefined;
  readonly #operationDuration: Family<HistogramSeries> | undefined;
  readonly #operationFirstChunk: Family<HistogramSeries> | undefined;
  readonly #operationChunk: Family<HistogramSeries> | undefined;
  readonly #tokenUsage: Family<HistogramSeries> | undefined;

  constructor(meter: Meter) {
    this.#inferenceDuration = meter.chosenHistogram('inferenceDuration');
    this.#inferenceFirstChunk = meter.chosenHistogram('inferenceFirstChunk');
    this.#inferenceChunk = meter.chosenHistogram('inferenceChunk');
    this.#usageInput = meter.chosenCounter('usageInput');
    this.#usageOutput = meter.chosenCounter('usageOutput');
    this.#usageCacheRead = meter.chosenCounter('usageCacheRead');
    this.#usageCacheWrite = meter.chosenCounter('usageCacheWrite');
    this.#usageReasoning = meter.chosenCounter('usageReasoning');
    this.#operationInput = meter.chosenHistogram('operationInput');
    this.#operationOutput = meter.chosenHistogram('operationOutput');
    this.#operationDuration = meter.chosenHistogram('operationDuration');
    this.#operationFirstChunk = meter.chosenHistogram('operationFirstChunk');
    this.#operationChunk = meter.chosenHistogram('operationChunk');
    this.#tokenUsage = meter.chosenHistogram('tokenUsage');
    this.#older = this.#tokenUsage !== undefined;
  }

  /** What `attempt` and `call` count a plain chat in. */
  plain(
    provider: KnownProvider,
    model: string,
    responseModel: string | undefined,
    route: string,
    rule: string,
  ): CallSeries {
    const answered = responseModel === undefined ? '' : provider.model(responseModel);
    const usage = ['chat', provider.vendor, model, answered, 'text', route, rule];
    const labels = ['chat', provider.vendor, model];
    const timed = [...labels, ''];
    return {
      usageInput: this.#usageInput?.with(usage),
      usageOutput: this.#usageOutput?.with(usage),
      inferenceDuration: this.#inferenceDuration?.with(timed),
      operationDuration: this.#older ? this.#operationDuration?.with(timed) : undefined,
      operationInput: this.#operationInput?.with(labels),
      operationOutput: this.#operationOutput?.with(labels),
      olderInput: this.#tokenUsage?.with([...labels, 'input']),
      olderOutput: this.#tokenUsage?.with([...labels, 'output']),
    };
  }

  /** Usage of one attempt. One that reported none counts as 0, so that calls without usage can be told from no calls. */
  attempt(
    exchange: Exchange,
    attempt: Attempt,
    provider: KnownProvider,
    model: string,
    route: string,
    rule: string,
  ): void {
    const { operation } = exchange.dialect;
    if (operation === 'passthrough' || !this.#usageInput || !this.#usageOutput) return;
    const answered = attempt.responseModel === undefined ? '' : provider.model(attempt.responseModel);
    const labels = [operation, provider.vendor, model, answered, 'unknown', route, rule];
    const settlement = attempt.settlement;
    if (settlement?.source !== 'Provider') {
      this.#usageInput.with(labels).value += 0;
      this.#usageOutput.with(labels).value += 0;
      return;
    }
    const { usage } = settlement;
    // Providers count images and files among the text tokens, so only a request without any is known to be text.
    labels[4] = hasImages(exchange) ? 'unknown' : 'text';
    const written = (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0);
    this.#usageInput.with(labels).value += usage.input + usage.cacheRead + written;
    count(this.#usageCacheRead, labels, usage.cacheRead);
    count(this.#usageCacheWrite, labels, written);
    labels[4] = 'text';
    this.#usageOutput.with(labels).value += usage.output + usage.reasoning;
    count(this.#usageReasoning, labels, usage.reasoning);
    const heard = usage.audioInput + (usage.audioCacheRead ?? 0);
    if (heard === 0 && usage.audioOutput === 0) return;
    labels[4] = 'audio';
    this.#usageInput.with(labels).value += heard;
    count(this.#usageCacheRead, labels, usage.audioCacheRead ?? 0);
    this.#usageOutput.with(labels).value += usage.audioOutput;
  }

  /** The call as a whole, under the provider and model of its last attempt. */
  call(finished: Finished, last: Attempt, provider: KnownProvider, model: string): void {
    const { exchange, outcome } = finished;
    const { operation } = exchange.dialect;
    if (operation === 'passthrough') return;
    const start = exchange.attempts[0]?.startedAt ?? exchange.startedAt;
    const seconds = (outcome.endedAt - start) / 1000;
    const labels = [operation, provider.vendor, model];
    const timed = [...labels, errorType(last)];
    // The conventions count embeddings among the operations that are not inference; ranking is no more of one.
    const inference = operation !== 'embeddings' && operation !== 'rerank';
    if (inference) this.#inferenceDuration?.with(timed).observe(seconds);
    if (!inference || this.#older) this.#operationDuration?.with(timed).observe(seconds);

    if (outcome.streamed && exchange.committedAt !== undefined) {
      const wait = (exchange.committedAt - start) / 1000;
      this.#inferenceFirstChunk?.with(labels).observe(wait);
      this.#operationFirstChunk?.with(labels).observe(wait);
      const { chunkTimes } = last;
      if (chunkTimes) {
        this.#inferenceChunk?.with(labels).add(chunkTimes.counts, chunkTimes.sum);
        this.#operationChunk?.with(labels).add(chunkTimes.counts, chunkTimes.sum);
      }
    }
    if (last.settlement?.source !== 'Provider') return;
    const input = inputTokens(last.settlement.usage);
    const output = outputTokens(last.settlement.usage);
    if (inference && finished.result === 'OK') {
      this.#operationInput?.with(labels).observe(input);
      this.#operationOutput?.with(labels).observe(output);
    }
    if (!this.#tokenUsage) return;
    this.#tokenUsage.with([...labels, 'input']).observe(input);
    if (inference) this.#tokenUsage.with([...labels, 'output']).observe(output);
  }
}

/** `error.type` of a call: a closed list, so that failures do not pass for latency. Empty where it did not fail. */
function errorType(last: Attempt): string {
  const result = attemptResult(last);
  return result === 'OK' ? '' : result;
}

export function hasImages(exchange: Exchange): boolean {
  const attachments = exchange.envelope?.attachments;
  return attachments ? attachments.images + attachments.files > 0 : exchange.facts?.vision === true;
}

function count(family: Family<CounterSeries> | undefined, labels: readonly string[], tokens: number): void {
  if (family && tokens > 0) family.with(labels).value += tokens;
}
