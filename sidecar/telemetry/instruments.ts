/**
 * The one table of what `/metrics` shows. `docs/reference/telemetry.md` is generated from here, and nothing else makes
 * an instrument. GenAI rows carry the name of the convention in `convention`; Prometheus names follow from it: dots
 * become underscores, seconds and `_total` are appended, units in braces are dropped.
 */

import { CALL_SECONDS } from './chunk-times.ts';
import type { LabelName } from './labels.ts';

export type Semconv = 'latest' | 'older' | 'both';

export interface Instrument {
  readonly name: string;
  readonly convention?: string;
  /** Sets of GenAI names it belongs to; absent: it is always there. */
  readonly sets?: readonly ('latest' | 'older')[];
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly unit: 's' | 'By' | 'USD' | '1' | `{${string}}`;
  readonly labels: readonly LabelName[];
  /** Upper bounds, ascending; histograms only. */
  readonly buckets?: readonly number[];
  readonly help: string;
}

const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
const OWN_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

const TARGET = ['route', 'rule', 'provider', 'model'] as const;
const CALL = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'] as const;
const CALL_USAGE = [
  ...CALL,
  'gen_ai_response_model',
  'gen_ai_token_modality',
  'outrider_route',
  'outrider_rule',
] as const;

export const INSTRUMENTS = {
  requests: {
    name: 'outrider_requests_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'rule', 'asked_model', 'status', 'outcome'],
    help: 'Finished requests.',
  },
  attempts: {
    name: 'outrider_attempts_total',
    type: 'counter',
    unit: '{attempt}',
    labels: [...TARGET, 'kind', 'result'],
    help: 'Finished attempts at a provider.',
  },
  failovers: {
    name: 'outrider_failovers_total',
    type: 'counter',
    unit: '{failover}',
    labels: [...TARGET, 'reason'],
    help: 'Times a request moved on from this target, by what the target had done.',
  },
  hedges: {
    name: 'outrider_hedges_total',
    type: 'counter',
    unit: '{hedge}',
    labels: ['route', 'rule', 'outcome'],
    help: 'Second calls beside slow ones. Won: it answered first. Lost: the first call did. Failed. Cancelled: the caller left. And calls that were slow and got none: NoTarget, Headroom, Budget say why.',
  },
  stalls: {
    name: 'outrider_stalls_total',
    type: 'counter',
    unit: '{attempt}',
    labels: [...TARGET, 'result'],
    help: 'Attempts whose answer came much slower than the target normally delivers, by what became of them.',
  },
  ejections: {
    name: 'outrider_ejections_total',
    type: 'counter',
    unit: '{ejection}',
    labels: ['provider', 'scope'],
    help: 'Times a breaker opened.',
  },
  providerChanges: {
    name: 'outrider_provider_changes_total',
    type: 'counter',
    unit: '{change}',
    labels: ['provider', 'model', 'reason'],
    help: 'Times a provider was noticed to change before requests failed: `Worsening` (slower, or failing more, from minute to minute), `ProbedDown`, `ProbedUp` and `ProbedUnclear` (active health checks; model is empty).',
  },
  later: {
    name: 'outrider_later_total',
    type: 'counter',
    unit: '{event}',
    labels: ['purpose', 'outcome'],
    help: 'What became of what is answered later, by purpose. Line (of a batch): `Completed`, `Failed`, `Retried`, `Paused` (a limit, a budget or its window made the batch wait), `Repeated` (it was under way when an earlier process ended, and is sent again). Batch: `completed`, `failed`, `expired`, `cancelled`. Async: `completed`, `failed`, `expired`. Webhook: `delivered`, `failed`.',
  },
  breakerTransitions: {
    name: 'outrider_breaker_transitions_total',
    type: 'counter',
    unit: '{transition}',
    labels: ['provider', 'scope', 'to'],
    help: 'Times a breaker became Open, HalfOpen (one probe is under way) or Closed.',
  },
  admissionWait: {
    name: 'outrider_admission_wait_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['class'],
    buckets: CALL_SECONDS,
    help: 'Time that requests waited until a target had headroom, or in vain. Those that did not wait are not counted.',
  },
  admissionRefused: {
    name: 'outrider_admission_refused_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'rule', 'class', 'reason'],
    help: 'Requests refused with 429 because no target had headroom. NoHeadroom: they may not wait. Timeout: they waited in vain. Shed: too many waited, and their class is the least important.',
  },
  budgetRequests: {
    name: 'outrider_budget_requests_total',
    type: 'counter',
    unit: '{request}',
    labels: ['budget', 'reason'],
    help: 'Requests that a budget had something to say about. Refused: Exhausted, Unavailable (no lease could be had), CostUnknown, Unmetered. Let through: Overdrawn (it has nothing left, and only warns), Allowed (spent while the ledger could not be reached), Cheapest (only what costs least was asked), PassedOver (another target had headroom), Waited (for a lease).',
  },
  budgetWait: {
    name: 'outrider_budget_wait_seconds',
    type: 'histogram',
    unit: 's',
    labels: [],
    buckets: CALL_SECONDS,
    help: 'Time that requests waited for a lease of a budget, or in vain. Those that did not wait are not counted.',
  },
  rateLimitRefused: {
    name: 'outrider_rate_limit_refused_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'rule', 'limit'],
    help: 'Requests refused with 429 because a limit of rates was reached, by that limit.',
  },
  rateLimitWaited: {
    name: 'outrider_rate_limit_waited_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'rule', 'limit'],
    help: 'Requests that a limit of rates held up and that went on afterwards, by that limit. How long: outrider_admission_wait_seconds.',
  },
  tokens: {
    name: 'outrider_tokens_total',
    type: 'counter',
    unit: '{token}',
    labels: [...TARGET, 'kind', 'source'],
    help: 'Settled tokens of all attempts. Kinds: input, cache_read, cache_write_5m, cache_write_1h, audio_input, audio_cache_read, output, reasoning, audio_output. They do not overlap.',
  },
  images: {
    name: 'outrider_images_total',
    type: 'counter',
    unit: '{image}',
    labels: [...TARGET, 'source'],
    help: 'Images that models made, of all attempts.',
  },
  cost: {
    name: 'outrider_cost_usd_total',
    type: 'counter',
    unit: 'USD',
    labels: [...TARGET, 'source'],
    help: 'Settled cost of all attempts whose cost is known, in US dollars.',
  },
  costUnknown: {
    name: 'outrider_cost_unknown_total',
    type: 'counter',
    unit: '{attempt}',
    labels: [...TARGET, 'reason'],
    help: 'Attempts that are missing in outrider_cost_usd_total. Price: the model has no known price. Usage: the path is not metered.',
  },
  warnings: {
    name: 'outrider_warnings_total',
    type: 'counter',
    unit: '{warning}',
    labels: ['route', 'rule'],
    help: 'Warnings sent to callers in x-outrider-warnings.',
  },
  cache: {
    name: 'outrider_cache_requests_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'rule', 'result', 'reason'],
    help: 'Finished requests of rules that keep answers. Hit: answered from the cache (Exact, or Semantic: in other words). Shared: with the answer to the same request, which was under way. Miss. Bypass: the cache has no part in it, for a reason.',
  },
  cacheSaved: {
    name: 'outrider_cache_saved_usd_total',
    type: 'counter',
    unit: 'USD',
    labels: TARGET,
    help: 'What answers that were given again had cost when they were asked for, in US dollars, where that is known; by who had given them.',
  },
  contextSaved: {
    name: 'outrider_context_saved_tokens_total',
    type: 'counter',
    unit: '{token}',
    labels: ['route', 'rule'],
    help: 'Tokens of prompts, by estimate, that were not sent: of older turns that rules leave out or have summarised.',
  },
  feedback: {
    name: 'outrider_feedback_total',
    type: 'counter',
    unit: '{score}',
    labels: TARGET,
    help: 'Answers that an app scored, by what answered. A score that replaces another one is not counted again.',
  },
  feedbackScores: {
    name: 'outrider_feedback_scores_total',
    type: 'counter',
    unit: '1',
    labels: TARGET,
    help: 'Sum of those scores, each 0 to 1: divided by outrider_feedback_total, the mean score.',
  },
  experimentRequests: {
    name: 'outrider_experiment_requests_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'experiment', 'arm', 'outcome'],
    help: 'Finished requests of routes with an experiment, by its arms.',
  },
  experimentCost: {
    name: 'outrider_experiment_cost_usd_total',
    type: 'counter',
    unit: 'USD',
    labels: ['route', 'experiment', 'arm'],
    help: 'Settled cost of those whose cost is known, in US dollars.',
  },
  experimentCommit: {
    name: 'outrider_experiment_time_to_commit_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['route', 'experiment', 'arm'],
    buckets: CALL_SECONDS,
    help: 'Arrival of those requests to the event that committed the answer.',
  },
  experimentCopies: {
    name: 'outrider_experiment_copies_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'experiment', 'reason'],
    help: 'Copies that experiments asked for. Made; or Memory, Budget, NoTarget say why one was not.',
  },
  canaryPercent: {
    name: 'outrider_experiment_canary_percent',
    type: 'gauge',
    unit: '1',
    labels: ['route', 'experiment'],
    help: "Share of the canary's arm in this pod, in percent, as of the last request.",
  },
  commitSeconds: {
    name: 'outrider_time_to_commit_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['provider', 'model'],
    buckets: CALL_SECONDS,
    help: 'Arrival of the request to the event that committed the answer, failed attempts included.',
  },
  addedSeconds: {
    name: 'outrider_added_latency_seconds',
    type: 'histogram',
    unit: 's',
    labels: [],
    buckets: OWN_SECONDS,
    help: 'Time of a request with attempts in which none was under way: reading, routing, backoff, handing over the end of the answer.',
  },
  internalRequests: {
    name: 'outrider_internal_requests_total',
    type: 'counter',
    unit: '{request}',
    labels: ['route', 'purpose', 'outcome'],
    help: 'Finished requests of the sidecar itself, on behalf of those of apps; not among outrider_requests_total. Their attempts, tokens and cost are in the metrics of attempts, tokens and cost, under rules of their own such as `signals.intents`; lines of batches and deferred requests under those of their route.',
  },
  internalSeconds: {
    name: 'outrider_internal_request_seconds',
    type: 'histogram',
    unit: 's',
    labels: ['purpose'],
    buckets: CALL_SECONDS,
    help: 'Duration of the requests of the sidecar itself: what signals that ask a model add to the requests that need them, and what others take beside any.',
  },

  inferenceDuration: {
    name: 'gen_ai_client_inference_duration_seconds',
    convention: 'gen_ai.client.inference.duration',
    sets: ['latest'],
    type: 'histogram',
    unit: 's',
    labels: [...CALL, 'error_type'],
    buckets: CALL_SECONDS,
    help: 'GenAI inference duration: the call with all its attempts, to the end of the answer.',
  },
  inferenceFirstChunk: {
    name: 'gen_ai_client_inference_time_to_first_chunk_seconds',
    convention: 'gen_ai.client.inference.time_to_first_chunk',
    sets: ['latest'],
    type: 'histogram',
    unit: 's',
    labels: CALL,
    buckets: CALL_SECONDS,
    help: 'Start of a streamed call to the event that committed its answer.',
  },
  inferenceChunk: {
    name: 'gen_ai_client_inference_time_per_output_chunk_seconds',
    convention: 'gen_ai.client.inference.time_per_output_chunk',
    sets: ['latest'],
    type: 'histogram',
    unit: 's',
    labels: CALL,
    buckets: CALL_SECONDS,
    help: 'Time between one piece of output of a stream and the next, as they arrived from the provider.',
  },
  usageInput: {
    name: 'gen_ai_client_inference_usage_input_tokens_total',
    convention: 'gen_ai.client.inference.usage.input_tokens',
    sets: ['latest'],
    type: 'counter',
    unit: '{token}',
    labels: CALL_USAGE,
    help: 'Input tokens that providers reported, those read from and written to their cache included.',
  },
  usageOutput: {
    name: 'gen_ai_client_inference_usage_output_tokens_total',
    convention: 'gen_ai.client.inference.usage.output_tokens',
    sets: ['latest'],
    type: 'counter',
    unit: '{token}',
    labels: CALL_USAGE,
    help: 'Output tokens that providers reported, reasoning included.',
  },
  usageCacheRead: {
    name: 'gen_ai_client_inference_usage_cache_read_input_tokens_total',
    convention: 'gen_ai.client.inference.usage.cache_read.input_tokens',
    sets: ['latest'],
    type: 'counter',
    unit: '{token}',
    labels: CALL_USAGE,
    help: 'Input tokens that providers read from their cache.',
  },
  usageCacheWrite: {
    name: 'gen_ai_client_inference_usage_cache_write_input_tokens_total',
    convention: 'gen_ai.client.inference.usage.cache_write.input_tokens',
    sets: ['latest'],
    type: 'counter',
    unit: '{token}',
    labels: CALL_USAGE,
    help: 'Input tokens that providers wrote to their cache.',
  },
  usageReasoning: {
    name: 'gen_ai_client_inference_usage_reasoning_output_tokens_total',
    convention: 'gen_ai.client.inference.usage.reasoning.output_tokens',
    sets: ['latest'],
    type: 'counter',
    unit: '{token}',
    labels: CALL_USAGE,
    help: 'Output tokens that were reasoning.',
  },
  operationInput: {
    name: 'gen_ai_client_inference_operation_input_tokens',
    convention: 'gen_ai.client.inference.operation.input_tokens',
    sets: ['latest'],
    type: 'histogram',
    unit: '{token}',
    labels: CALL,
    buckets: TOKENS,
    help: 'Input tokens of one successful call.',
  },
  operationOutput: {
    name: 'gen_ai_client_inference_operation_output_tokens',
    convention: 'gen_ai.client.inference.operation.output_tokens',
    sets: ['latest'],
    type: 'histogram',
    unit: '{token}',
    labels: CALL,
    buckets: TOKENS,
    help: 'Output tokens of one successful call.',
  },
  operationDuration: {
    name: 'gen_ai_client_operation_duration_seconds',
    convention: 'gen_ai.client.operation.duration',
    sets: ['latest', 'older'],
    type: 'histogram',
    unit: 's',
    labels: [...CALL, 'error_type'],
    buckets: CALL_SECONDS,
    help: 'GenAI operation duration. Latest names: embeddings only. Older names: every operation.',
  },
  operationFirstChunk: {
    name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
    convention: 'gen_ai.client.operation.time_to_first_chunk',
    sets: ['older'],
    type: 'histogram',
    unit: 's',
    labels: CALL,
    buckets: CALL_SECONDS,
    help: 'Start of a streamed call to the event that committed its answer.',
  },
  operationChunk: {
    name: 'gen_ai_client_operation_time_per_output_chunk_seconds',
    convention: 'gen_ai.client.operation.time_per_output_chunk',
    sets: ['older'],
    type: 'histogram',
    unit: 's',
    labels: CALL,
    buckets: CALL_SECONDS,
    help: 'Time between one piece of output of a stream and the next, as they arrived from the provider.',
  },
  tokenUsage: {
    name: 'gen_ai_client_token_usage',
    convention: 'gen_ai.client.token.usage',
    sets: ['older'],
    type: 'histogram',
    unit: '{token}',
    labels: [...CALL, 'gen_ai_token_type'],
    buckets: TOKENS,
    help: 'Tokens that the provider reported for one call.',
  },

  snapshotAge: {
    name: 'outrider_snapshot_age_seconds',
    type: 'gauge',
    unit: 's',
    labels: [],
    help: 'Time since the running configuration was known to be current; absent while there is none.',
  },
  degraded: {
    name: 'outrider_degraded',
    type: 'gauge',
    unit: '1',
    labels: [],
    help: '1 while the sidecar runs on less than it should, such as the last-known-good configuration.',
  },
  inFlight: {
    name: 'outrider_requests_in_flight',
    type: 'gauge',
    unit: '{request}',
    labels: [],
    help: 'Requests under way.',
  },
  batchesOpen: {
    name: 'outrider_batches_open',
    type: 'gauge',
    unit: '{batch}',
    labels: [],
    help: 'Batches that have not ended.',
  },
  spoolBytes: {
    name: 'outrider_spool_bytes',
    type: 'gauge',
    unit: 'By',
    labels: [],
    help: 'Bytes of files, batches and deferred requests in the spool.',
  },
  admissionWaiting: {
    name: 'outrider_admission_waiting_requests',
    type: 'gauge',
    unit: '{request}',
    labels: [],
    help: 'Requests that wait for headroom.',
  },
  cacheBytes: {
    name: 'outrider_cache_bytes',
    type: 'gauge',
    unit: 'By',
    labels: [],
    help: 'Bytes of answers that are kept to be given again, and of those being recorded.',
  },
  cacheLimit: {
    name: 'outrider_cache_limit_bytes',
    type: 'gauge',
    unit: 'By',
    labels: [],
    help: 'The budget of the cache: `--cache-bytes`. It is not part of the memory budget.',
  },
  cacheEntries: {
    name: 'outrider_cache_entries',
    type: 'gauge',
    unit: '{answer}',
    labels: [],
    help: 'Answers that are kept to be given again.',
  },
  memoryUsed: {
    name: 'outrider_memory_used_bytes',
    type: 'gauge',
    unit: 'By',
    labels: [],
    help: 'Bytes of requests and responses held, out of the memory budget.',
  },
  memoryLimit: {
    name: 'outrider_memory_limit_bytes',
    type: 'gauge',
    unit: 'By',
    labels: [],
    help: 'The memory budget.',
  },
  loopDelay: {
    name: 'outrider_event_loop_delay_p99_seconds',
    type: 'gauge',
    unit: 's',
    labels: [],
    help: '99th percentile of event-loop delay since the scrape before; absent in the first one, which starts the measurement.',
  },
  series: {
    name: 'outrider_series',
    type: 'gauge',
    unit: '{series}',
    labels: [],
    help: 'Series in use, out of 2000. At the limit, new label values share one series per metric, all labels `_OVERFLOW`.',
  },
  logDropped: {
    name: 'outrider_log_lines_dropped_total',
    type: 'counter',
    unit: '{line}',
    labels: [],
    help: 'Access log lines dropped because the log was not read fast enough or could not be written.',
  },
  spansDropped: {
    name: 'outrider_spans_dropped_total',
    type: 'counter',
    unit: '{span}',
    labels: ['reason'],
    help: 'Sampled spans that were not delivered. QueueFull: more than the queue holds. ExportFailed: the collector did not take them.',
  },
  telemetryErrors: {
    name: 'outrider_telemetry_errors_total',
    type: 'counter',
    unit: '{error}',
    labels: [],
    help: 'Requests that could not be recorded in full. Anything but 0 is a bug.',
  },
  info: {
    name: 'outrider_info',
    type: 'gauge',
    unit: '1',
    labels: ['version'],
    help: 'Always 1.',
  },
  cpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    unit: 's',
    labels: [],
    help: 'User and system CPU time of the process.',
  },
  rss: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'By',
    labels: [],
    help: 'Resident memory of the process.',
  },
  startTime: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 's',
    labels: [],
    help: 'Unix time at which the process started.',
  },
} as const satisfies Record<string, Instrument>;

export type InstrumentKey = keyof typeof INSTRUMENTS;

/** Whether an instrument exists under a choice of GenAI names. */
export function enabled(instrument: Instrument, semconv: Semconv): boolean {
  return instrument.sets === undefined || semconv === 'both' || instrument.sets.includes(semconv);
}

/** Lines that one label set of an instrument takes in `/metrics`: what a series limit has to count. */
export function linesPerSeries(instrument: Instrument): number {
  return instrument.buckets === undefined ? 1 : instrument.buckets.length + 3;
}
