/** The reference page of telemetry, as text. */
import { INSTRUMENTS, type Instrument } from './instruments.ts';
import { LABELS } from './labels.ts';
import { RING_LIMITS } from './request-ring.ts';
import { PER_SECOND } from './ring-pace.ts';
import { OVERFLOW, SERIES_LIMIT } from './series.ts';
import type { AttemptRecord, LogRecord } from './summary.ts';

/** The fields of a log line; the type keeps the list whole. */
const LOG_FIELDS = {
  time: 'When the request arrived: RFC 3339, UTC, milliseconds.',
  id: 'The value of `x-outrider-request-id`.',
  method: 'HTTP method.',
  path: 'Path without the query, cut at 200 characters.',
  route: '`namespace/name`.',
  rule: 'The rule that matched.',
  experiment: 'Name of the experiment of the rule; null without one.',
  arm: 'Its arm that the request was in; `_rest` where it was in none, `mirror.<target>` for copies.',
  askedPattern: 'The pattern in the `models` of the route that the asked model matched.',
  askedModel: 'The model as the caller wrote it, cut at 200 characters.',
  target: 'Target of the last attempt.',
  provider: 'Provider of the last attempt, `namespace/name`.',
  model: 'Name that the last provider was asked for.',
  status: 'HTTP status sent to the caller; 499 when it left before one was sent.',
  outcome:
    '`OK`; `CallerError`: the provider blamed the request; `Refused`: by Outrider, without trying; `Failed`: every try; `Broken`: the stream broke after it had begun; `Cancelled`: the caller left.',
  errorCode: 'Code of the [error table](errors.md), when the answer was ours.',
  attempts: 'One entry per attempt, see below.',
  tokens:
    'Settled tokens of all attempts: `input`, `cacheRead`, `audioInput`, `output`, `reasoning`, `audioOutput`, and where there are any `cacheWrite5m`, `cacheWrite1h`, `audioCacheRead`. They do not overlap. No tokens: `imageOutput`, images that the model made, and `requests`, how many a provider billed, each only where there are any.',
  estimated: 'Some of `tokens` and `costUsd` is an estimate.',
  costUsd: 'Cost of the attempts whose cost is known, a decimal string; null when none is.',
  unpriced: 'Attempts whose cost is not known, so it is not in `costUsd`.',
  ttfcMs: 'Milliseconds from arrival to the event that committed the answer.',
  durationMs: 'Milliseconds from arrival to the end of the answer.',
  waitedMs: 'Milliseconds it waited until a target had headroom; null when it did not wait.',
  rateLimitedBy:
    'Id of the limit of rates that had no room for it when it came, whether it waited or was refused. Only there where one had none.',
  budget:
    'Of the budget that had something to say about it: its `id`, the `result` as in `outrider_budget_requests_total`, and `waitedMs` for a lease. Only there where one had.',
  requestBytes: 'Length of the request body as announced; null when it was not.',
  responseBytes: 'Bytes of body sent to the caller.',
  streamed: 'The answer was a stream.',
  cancelled: 'The caller left before the end.',
  warnings: 'Number of warnings in `x-outrider-warnings`.',
  traceId: 'Trace id of the `traceparent` that came in, or of the sampled trace.',
  sampleRate:
    'Below 1 where only a share of the unremarkable successes is logged: this line stands for 1/rate of them.',
  drawn:
    'Of a rule with strategy Adaptive: the target that was chosen first, the chance (`propensity`) it had, and the kind of request it was chosen for; absent elsewhere. What served may be another one.',
  cache:
    'Of rules that keep answers: `result` (`Hit`, `Shared`, `Miss`, `Bypass`), `reason` (of hits `Exact` or `Semantic`, of bypasses why), `ageMs`, `similarityPercent`, and `savedUsd`: what the answer had cost when it was asked for. Of hits and shared answers, `target`, `provider` and `model` of the line are who gave the answer first. Absent elsewhere.',
  savedTokens:
    'Tokens of the prompt, by estimate, that were not sent: of older turns that the rule leaves out or has summarised. Absent where it was sent whole.',
  signals:
    'What rules asked of the prompt and were told: `intent`, `label`, `difficulty`, `language`, `content`; each only where it was asked and is known. Absent where no rule asked.',
  prompt:
    'Only with `--log-content N` (`OUTRIDER_LOG_CONTENT`), which is 0 unless set: the last N bytes of the messages of the user. Absent otherwise, and on paths that are passed through unread.',
  purpose:
    'Only of requests of the sidecar itself: `Intents`, `Classifier`, `Summary`, `Cache`, `Mirror`, `HealthCheck`, `Batch` (a line of a batch) or `Async` (a deferred request). Absent of those of apps.',
  parent:
    "With `purpose`: the `id` of the request or batch on whose behalf it was made; absent where it was nobody's.",
} as const satisfies Record<keyof LogRecord, string>;

const ATTEMPT_FIELDS = {
  target: 'Name of the target.',
  provider: '`namespace/name`.',
  model: 'Name that the provider was asked for.',
  credential: 'Name of the credential; never its value.',
  kind: '`First`, `Retry`, `Failover` or `Probe`.',
  result: '`OK`, `Cancelled`, or the class of the [failure table](failures.md).',
  scope: 'Whose breaker the failure counts for.',
  status: 'HTTP status of the provider.',
  code: 'Short code of the provider, never its text.',
  ms: 'Milliseconds from start to end.',
  serviceTier:
    'Tier of service in which the provider said that it served: `Standard`, `Flex`, `Priority`, `Batch`, `Reserved`, `Fast`, or `Other` for a word that we do not know. Null where it did not say.',
  askedTier:
    'Tier of service that the provider was asked for, in the same words; absent where none was, or the standard one. Where `serviceTier` is null beside it, the cost is an estimate: the dearer of both.',
} as const satisfies Record<keyof AttemptRecord, string>;

const SPANS = `## Traces

A sampled request is up to three levels of spans: \`SERVER\` for what the caller asked, \`CLIENT\` named after the operation and the model for the
call over all its attempts, and one \`CLIENT\` child for each attempt. A request of the sidecar itself is a call of its own below the \`SERVER\` span. They are written when the request ends, with the times recorded on the way,
and sent over OTLP/HTTP as Protocol Buffers.

| span | attributes |
|---|---|
| \`POST /v1/chat/completions\` | \`http.request.method\`, \`http.request.method_original\`, \`http.route\`, \`http.response.status_code\`, \`url.scheme\`, \`url.path\`, \`error.type\`, \`outrider.request.id\`, \`outrider.outcome\`, \`outrider.route\`, \`outrider.rule\`, \`outrider.error.code\`, \`outrider.cache.{result, reason, age_ms, similarity_percent, saved_usd}\` (rules that keep answers; of hits also \`outrider.target\`, \`outrider.provider\` and \`gen_ai.response.model\`) |
| \`chat gpt-5-mini\` | \`gen_ai.operation.name\`, \`gen_ai.provider.name\`, \`gen_ai.output.type\`, \`gen_ai.request.{model, stream, choice.count, max_tokens}\`, \`gen_ai.response.{id, model, finish_reasons, time_to_first_chunk}\`, \`gen_ai.usage.{input_tokens, output_tokens, cache_read.input_tokens, cache_write.input_tokens, reasoning.output_tokens, audio.input_tokens, audio.cache_read.input_tokens, audio.output_tokens}\`, \`openai.response.service_tier\` (of OpenAI), \`server.address\`, \`server.port\`, \`error.type\`, \`outrider.route\`, \`outrider.rule\`, \`outrider.experiment\`, \`outrider.arm\`, \`outrider.purpose\` and \`outrider.parent\` (of requests of the sidecar itself: what for, and the id of the request or batch they are made for; copies, lines of batches and deferred requests have traces of their own), \`outrider.asked_model\`, \`outrider.target\`, \`outrider.provider\`, \`outrider.attempts\`, \`outrider.cancelled\`, \`outrider.considered\` (each target with its reason), \`outrider.signal.{intent, label, difficulty, language, content}\` (what rules asked), \`outrider.usage.{input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, audio_cache_read_tokens, reasoning_tokens, audio_output_tokens, images, estimated}\`, \`outrider.cost_usd\`, \`outrider.unpriced_attempts\` |
| \`attempt main\` | \`http.request.method\`, \`http.request.resend_count\`, \`http.response.status_code\`, \`server.address\`, \`server.port\`, \`error.type\`, \`outrider.attempt.{number, kind, result, usage_source, input_tokens, output_tokens, cost_usd}\`, \`outrider.target\`, \`outrider.provider\`, \`outrider.credential\`, \`outrider.upstream_model\`, \`outrider.upstream_request_id\`, \`outrider.service_tier\`, \`outrider.failure.{class, scope, code}\`; events \`outrider.request_sent\`, \`outrider.headers_received\`, \`outrider.committed\` |

\`gen_ai.usage.*\` is what the provider of the answer said. \`outrider.usage.*\` and \`outrider.cost_usd\` are what was settled for all attempts, estimates
included. \`error.type\` of a call is the failure class of its last attempt. The caller's \`traceparent\` and \`tracestate\` are followed; neither is sent to providers.

| variable | meaning |
|---|---|
| \`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_ENDPOINT\` | Where spans go; \`/v1/traces\` is appended to the second. Without either, nothing of tracing is loaded. |
| \`OTEL_EXPORTER_OTLP_HEADERS\`, \`_TIMEOUT\`, \`_COMPRESSION\`, \`_CERTIFICATE\`, \`_CLIENT_KEY\`, \`_CLIENT_CERTIFICATE\` | As the OpenTelemetry specification has them, \`OTEL_EXPORTER_OTLP_TRACES_…\` first. |
| \`OTEL_EXPORTER_OTLP_PROTOCOL\` | \`grpc\` is not supported and turns traces off, with a warning. Spans travel as \`http/protobuf\`, also where \`http/json\` is asked for, with a warning. |
| \`OTEL_SERVICE_NAME\`, \`OTEL_RESOURCE_ATTRIBUTES\` | The resource; the service is \`outrider\` by default. |
| \`OTEL_TRACES_SAMPLER\`, \`OTEL_TRACES_SAMPLER_ARG\` | \`parentbased_always_on\` by default; \`always_on\`, \`always_off\`, \`traceidratio\` and their \`parentbased_\` forms. |
| \`OTEL_TRACES_EXPORTER\` = \`none\`, \`OTEL_SDK_DISABLED\` = \`true\` | Off. |

At most 2048 spans wait to be sent; more are dropped and counted in \`${INSTRUMENTS.spansDropped.name}\`. A collector that fails is reported once, and once
more when it works again.
`;

/** Markdown of `docs/reference/telemetry.md`. */
export function telemetryPage(): string {
  const all: readonly Instrument[] = Object.values(INSTRUMENTS);
  const ours = all.filter((one) => one.sets === undefined);
  const latest = all.filter((one) => one.sets?.includes('latest'));
  const older = all.filter((one) => one.sets?.includes('older'));
  return `# Telemetry

Metrics, access log and traces are written from the same finished request, so their sums agree. None of them holds prompt content, error text of
providers, or keys.

## Metrics

\`/metrics\` on the admin port, in the Prometheus text format.

No label takes a value that a caller can invent: names are those of the running configuration, anything else is \`_OTHER\`. The page has at most
${SERIES_LIMIT} series; then new label values of a metric share one series whose labels are all \`${OVERFLOW}\`. Series of routes, rules, providers and
models that a new configuration does not have are deleted.

${table(ours)}
### GenAI metrics

The names of OpenTelemetry's GenAI conventions, with dots as underscores. The switch \`semconv\` chooses between \`latest\` (the default), \`older\` and \`both\`.
They count what providers reported; estimates are in \`${INSTRUMENTS.tokens.name}\` only. An attempt without reported usage adds 0 under modality
\`unknown\`. A call counts under the provider and model of its last attempt. Embeddings are no inference to the conventions, so their duration has a name of its own.

#### Latest

${table(latest)}
#### Older

${table(older)}
### Labels

| label | values |
|---|---|
${Object.entries(LABELS)
  .map(([name, { help }]) => `| \`${name}\` | ${help} |\n`)
  .join('')}
## Access log

One line of JSON per request on standard output, besides \`"level":"info","msg":"request"\`. Fields are always there, null where they do not apply, except those of which it is said when they are there.

| field | meaning |
|---|---|
${rows(LOG_FIELDS)}
Each entry of \`attempts\`:

| field | meaning |
|---|---|
${rows(ATTEMPT_FIELDS)}
The last ${RING_LIMITS.requests} requests (up to ${RING_LIMITS.bytes / 1024} KiB of them) can be read at \`/requests/{id}\` on the admin port, on loopback only: the same fields, with the steps of routing, every
target with its reason, and the times, tokens and cost of each attempt. Of successes with nothing to explain it takes ${PER_SECOND} a second, and as many that are traced; everything else always.

${SPANS}`;
}

function table(instruments: readonly Instrument[]): string {
  const lines = instruments.map(({ name, type, unit, labels, help, buckets }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    const bounds = buckets ? ` Buckets: ${buckets.join(', ')}.` : '';
    return `| \`${name}\` | ${type} | ${unit} | ${shown} | ${help}${bounds} |\n`;
  });
  return `| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n${lines.join('')}`;
}

function rows(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, meaning]) => `| \`${name}\` | ${meaning} |\n`)
    .join('');
}
