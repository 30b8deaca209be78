/** Puts the parts of telemetry together. */
import type { Exchange } from '../exchange.ts';
import type { Purpose } from '../internal/internal-rule.ts';
import type { BreakerScope } from '../providers/failures.ts';
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import type { ItemId } from '../snapshot/schema.ts';
import { AccessLog, type AccessLogOptions, isUnremarkable } from './access-log.ts';
import { EventLoopDelay } from './event-loop.ts';
import { finish } from './finished.ts';
import type { Semconv } from './instruments.ts';
import { KnownNames, OTHER } from './known-names.ts';
import { Meter } from './meter.ts';
import { plainAttempt } from './plain.ts';
import { PlainLines } from './plain-lines.ts';
import { MetricsRecorder } from './record-metrics.ts';
import { RequestRing, type RingLimits } from './request-ring.ts';
import { RingPace } from './ring-pace.ts';
import type { CounterSeries, Family } from './series.ts';
import { logRecord, requestDetail } from './summarise.ts';
import type { LogRecord, RequestSummary } from './summary.ts';
import type { ProviderChange, Telemetry } from './telemetry.ts';
import { parentOf } from './trace-context.ts';
import { type Environment, readTraceSettings, type TraceSettings } from './trace-settings.ts';
import type { Tracing } from './tracing.ts';

export interface TelemetryOptions {
  version: string;
  /** Numbers that live elsewhere, read when `/metrics` is asked for. */
  gauges: TelemetryGauges;
  /** Where the `OTEL_*` variables are read. */
  env: Environment;
  /** GenAI metric names: `latest` when absent. */
  semconv?: Semconv;
  /** False: no access log. */
  accessLog?: AccessLogOptions | false;
  ring?: RingLimits;
  /** Sentences for the process log: settings that are not followed, and a collector that fails or recovers. */
  warn: (message: string) => void;
  /** Hears of every finished request, such as to print it. */
  onRequest?: (record: LogRecord) => void;
}

export interface TelemetryGauges {
  /** Milliseconds since the running configuration was known to be current; undefined while there is none. */
  snapshotAgeMs(): number | undefined;
  degraded(): boolean;
  inFlight(): number;
  /** Requests that wait for headroom. */
  waiting?(): number;
  /** Of answers that are kept to be given again; 0 where no rule keeps any. */
  cacheBytes?(): number;
  cacheLimitBytes?(): number;
  cacheEntries?(): number;
  /** Batches that have not ended, and bytes of the spool. */
  later?(): { open: number; bytes: number };
  memoryUsedBytes(): number;
  memoryLimitBytes(): number;
}

/** Loads tracing where the environment configures an exporter; otherwise nothing of it. */
export async function createTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const meter = new Meter(options.semconv ?? 'latest');
  const dropped = meter.counter('spansDropped');
  const { settings, problems } = readTraceSettings(options.env);
  for (const problem of problems) options.warn(problem);
  const tracing = settings && (await loadTracing(settings, options, dropped));
  return new ExchangeTelemetry(options, meter, tracing);
}

/** Traces are worth a warning, never a sidecar that does not start. */
async function loadTracing(
  settings: TraceSettings,
  { version, warn }: Pick<TelemetryOptions, 'version' | 'warn'>,
  dropped: Family<CounterSeries>,
): Promise<Tracing | undefined> {
  try {
    const { Tracing } = await import('./tracing.ts');
    return new Tracing(settings, version, {
      onDropped: (reason, spans) => (dropped.with([reason]).value += spans),
      onHealth: (working) => warn(working ? COLLECTOR_BACK : COLLECTOR_OUT),
    });
  } catch (error) {
    warn(`traces could not be set up and are not sent: ${stackOf(error)}`);
    return undefined;
  }
}

const COLLECTOR_OUT = 'the trace collector does not take spans; they are dropped';
const COLLECTOR_BACK = 'the trace collector takes spans again';

/**
 * Finished exchanges are told together, this many or after so long: the code and tables of telemetry are then in the caches of the
 * processor once for all of them, and mostly nobody's next request waits for it.
 */
const TOGETHER = 4;
const TOGETHER_MS = 2;

class ExchangeTelemetry implements Telemetry {
  readonly #warn: (message: string) => void;
  readonly #meter: Meter;
  readonly #recorder: MetricsRecorder;
  readonly #ejections: Family<CounterSeries>;
  readonly #transitions: Family<CounterSeries>;
  readonly #changes: Family<CounterSeries>;
  readonly #feedback: Family<CounterSeries>;
  readonly #scores: Family<CounterSeries>;
  readonly #later: Family<CounterSeries>;
  readonly #errors: CounterSeries;
  readonly #log: AccessLog | undefined;
  readonly #tracing: Tracing | undefined;
  readonly #ring: RequestRing;
  readonly #lines = new PlainLines();
  readonly #pace = new RingPace();
  readonly #tracedPace = new RingPace();
  readonly #onRequest: ((record: LogRecord) => void) | undefined;
  /** Finished, and told with the next. */
  readonly #untold: Exchange[] = [];
  #due = false;
  #names = new KnownNames(undefined);

  constructor(options: TelemetryOptions, meter: Meter, tracing: Tracing | undefined) {
    this.#warn = options.warn;
    this.#meter = meter;
    this.#tracing = tracing;
    this.#recorder = new MetricsRecorder(meter, this.#names);
    this.#ejections = meter.counter('ejections');
    this.#transitions = meter.counter('breakerTransitions');
    this.#changes = meter.counter('providerChanges');
    this.#feedback = meter.counter('feedback');
    this.#scores = meter.counter('feedbackScores');
    this.#later = meter.counter('later');
    this.#errors = meter.counter('telemetryErrors').only;
    this.#log = options.accessLog === false ? undefined : new AccessLog(options.accessLog);
    this.#ring = new RequestRing(options.ring);
    this.#onRequest = options.onRequest;
    readGauges(meter, options, () => this.#log?.dropped ?? 0);
  }

  get metricsContentType(): string {
    return this.#meter.contentType;
  }

  record(exchange: Exchange): void {
    this.#untold.push(exchange);
    if (this.#untold.length >= TOGETHER) {
      this.#tellAll();
    } else if (!this.#due) {
      this.#due = true;
      setTimeout(() => this.#late(), TOGETHER_MS).unref();
    }
  }

  #late(): void {
    this.#due = false;
    this.#tellAll();
  }

  /** To be called before anything that was told is read, or named differently. */
  #tellAll(): void {
    for (const exchange of this.#untold) {
      try {
        this.#tell(exchange);
      } catch (error) {
        // A fault here must not become the request's; the first is told in full, all are counted.
        if (this.#errors.value++ === 0)
          this.#warn(`telemetry of request ${exchange.id} failed: ${stackOf(error)}`);
      }
    }
    this.#untold.length = 0;
  }

  #tell(exchange: Exchange): void {
    const { outcome } = exchange;
    if (outcome === undefined) throw new Error('the exchange has no outcome');
    const finished = finish(exchange, outcome);
    const plain = plainAttempt(finished);
    this.#recorder.record(finished, plain);

    const parent = parentOf(exchange.req);
    const sampled = isToldByParent(exchange) ? undefined : this.#tracing?.sample(parent);
    if (sampled) this.#tracing?.write(finished, plain, this.#names, sampled);

    const traceId = sampled?.traceId ?? parent?.traceId;
    const rate = this.#log?.rate(finished) ?? 0;
    const told = rate === 0 ? 1 : rate;
    const kept =
      !isUnremarkable(finished) || (sampled ? this.#tracedPace : this.#pace).admits(exchange.startedWall);
    if (kept || rate > 0) {
      const line =
        (plain && this.#lines.line(finished, plain, traceId, told)) ??
        JSON.stringify(logRecord(finished, traceId, told));
      if (rate > 0) this.#log?.write(line);
      if (kept) this.#ring.add(exchange.id, line, JSON.stringify(requestDetail(exchange)));
    }
    this.#onRequest?.(logRecord(finished, traceId, told));
  }

  ejected(provider: ItemId, scope: BreakerScope): void {
    this.#ejections.with([this.#names.provider(provider).label, scope]).value++;
  }

  breakerMoved(provider: ItemId, scope: BreakerScope, to: 'Open' | 'HalfOpen' | 'Closed'): void {
    this.#transitions.with([this.#names.provider(provider).label, scope, to]).value++;
  }

  noticed(provider: ItemId, model: string, change: ProviderChange): void {
    const known = this.#names.provider(provider);
    this.#changes.with([known.label, model === '' ? '' : known.model(model), change]).value++;
  }

  later(what: string, how: string): void {
    this.#later.with([what, how]).value++;
  }

  scored({ route, rule, candidate, score, replaces }: Parameters<Telemetry['scored']>[0]): void {
    const provider = this.#names.provider(candidate.providerId);
    const labels = [
      this.#names.route(route),
      this.#names.rule(route, rule.name),
      provider.label,
      candidate.model === undefined ? OTHER : provider.model(candidate.model.name),
    ];
    // What is corrected stays counted once, as it was said first: counters only rise.
    if (replaces !== undefined) return;
    this.#feedback.with(labels).value++;
    this.#scores.with(labels).value += score;
  }

  snapshotChanged(snapshot: EffectiveSnapshot): void {
    this.#tellAll();
    this.#names = new KnownNames(snapshot);
    this.#recorder.changeNames(this.#names);
  }

  metrics(): Promise<string> {
    this.#tellAll();
    return this.#meter.page();
  }

  request(id: string): RequestSummary | undefined {
    this.#tellAll();
    return this.#ring.get(id);
  }

  async flush(deadlineMs: number): Promise<void> {
    this.#tellAll();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, deadlineMs)));
    await Promise.race([Promise.all([this.#log?.flush(), this.#tracing?.flush()]), deadline]);
    clearTimeout(timer);
  }
}

function readGauges(meter: Meter, options: TelemetryOptions, logDropped: () => number): void {
  const { gauges } = options;
  const loop = new EventLoopDelay();
  meter.read('snapshotAge', () => {
    const age = gauges.snapshotAgeMs();
    return age === undefined ? undefined : age / 1000;
  });
  meter.read('degraded', () => (gauges.degraded() ? 1 : 0));
  meter.read('inFlight', () => gauges.inFlight());
  meter.read('admissionWaiting', () => gauges.waiting?.() ?? 0);
  meter.read('cacheBytes', () => gauges.cacheBytes?.() ?? 0);
  meter.read('cacheLimit', () => gauges.cacheLimitBytes?.() ?? 0);
  meter.read('cacheEntries', () => gauges.cacheEntries?.() ?? 0);
  meter.read('batchesOpen', () => gauges.later?.().open ?? 0);
  meter.read('spoolBytes', () => gauges.later?.().bytes ?? 0);
  meter.read('memoryUsed', () => gauges.memoryUsedBytes());
  meter.read('memoryLimit', () => gauges.memoryLimitBytes());
  meter.read('loopDelay', () => loop.p99());
  meter.read('series', () => meter.used);
  meter.read('logDropped', logDropped);
  meter.read('info', () => 1, { version: options.version });
  meter.read('cpu', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  meter.read('rss', () => process.memoryUsage.rss());
  meter.read('startTime', () => performance.timeOrigin / 1000);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What a request waits for is written with its trace; what outlasts it, or was never part of one, has its own. */
const isToldByParent = ({ internal }: Exchange): boolean =>
  internal?.parent !== undefined && !APART.has(internal.purpose);

const APART: ReadonlySet<Purpose> = new Set<Purpose>(['Mirror', 'Batch', 'Async']);
