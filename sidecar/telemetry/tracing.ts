/** Decides whether a request is traced, and has its spans written and sent. Exists only where an exporter is configured. */
import { getRandomValues } from 'node:crypto';
import type { Exchange } from '../exchange.ts';
import type { Finished } from './finished.ts';
import type { KnownNames } from './known-names.ts';
import { isSampled, type SamplerSettings } from './sampler.ts';
import { SpanQueue, type SpanQueueOptions } from './span-queue.ts';
import { SpanWriter } from './spans.ts';
import { readTraceParent, type TraceParent } from './trace-context.ts';
import type { TraceSettings } from './trace-settings.ts';

const QUEUE_LIMIT = 2048;
const BATCH_SIZE = 256;
const DELAY_MS = 2000;
/** Grace beyond the exporter's own timeout, which does not bound an answer that trickles in. */
const EXPORT_GRACE_MS = 2000;
const ATTRIBUTE_LENGTH = 512;

export interface Sampled {
  traceId: string;
  parent: TraceParent | undefined;
}

export class Tracing {
  readonly #sampler: SamplerSettings;
  readonly #writer: SpanWriter;
  readonly #queue: SpanQueue;
  readonly #ids: TraceIds;

  private constructor(sampler: SamplerSettings, writer: SpanWriter, queue: SpanQueue, ids: TraceIds) {
    this.#sampler = sampler;
    this.#writer = writer;
    this.#queue = queue;
    this.#ids = ids;
  }

  /** Loads the SDK. `hooks` hear of drops and of the collector's health. */
  static async load(
    settings: TraceSettings,
    hooks: Pick<SpanQueueOptions, 'onDropped' | 'onHealth'>,
  ): Promise<Tracing> {
    const [api, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
    const queue = new SpanQueue({
      ...hooks,
      exporter: new OTLPTraceExporter({ url: settings.url, timeoutMillis: settings.timeoutMs }),
      limit: QUEUE_LIMIT,
      batchSize: BATCH_SIZE,
      delayMs: DELAY_MS,
      exportTimeoutMs: settings.timeoutMs + EXPORT_GRACE_MS,
    });
    const ids = new TraceIds();
    const provider = new sdk.TracerProvider({
      resource: resources.defaultResource().merge(resources.resourceFromAttributes(settings.resource)),
      // What is not sampled never gets here.
      sampler: new sdk.AlwaysOnSampler(),
      idGenerator: ids,
      spanProcessors: [queue],
      spanLimits: { attributeValueLengthLimit: ATTRIBUTE_LENGTH },
    });
    return new Tracing(settings.sampler, new SpanWriter(api, provider.getTracer('outrider')), queue, ids);
  }

  /** The decision of a request: undefined means that nothing of its trace is computed. */
  sample(exchange: Exchange): Sampled | undefined {
    const { traceparent, tracestate } = exchange.req.headers;
    const parent = traceparent === undefined ? undefined : readTraceParent(traceparent, tracestate);
    if (parent === undefined && this.#sampler.ratio <= 0) return undefined;
    const traceId = parent?.traceId ?? this.#ids.draw();
    return isSampled(this.#sampler, parent, traceId) ? { traceId, parent } : undefined;
  }

  write(finished: Finished, names: KnownNames, { traceId, parent }: Sampled): void {
    if (parent === undefined) this.#ids.use(traceId);
    this.#writer.write(finished, names, parent);
  }

  flush(): Promise<void> {
    return this.#queue.forceFlush();
  }
}

/** Random ids from a pool of bytes; a trace's id is drawn before its first span, since the sampling decision needs it. */
export class TraceIds {
  readonly #pool = new Uint8Array(4096);
  #at = this.#pool.length;
  #next: string | undefined;

  draw(): string {
    return this.#hex(16);
  }

  /** The id of the next trace that starts. */
  use(traceId: string): void {
    this.#next = traceId;
  }

  generateTraceId(): string {
    const id = this.#next ?? this.draw();
    this.#next = undefined;
    return id;
  }

  generateSpanId(): string {
    return this.#hex(8);
  }

  #hex(length: number): string {
    for (;;) {
      if (this.#at + length > this.#pool.length) {
        getRandomValues(this.#pool);
        this.#at = 0;
      }
      const bytes = Buffer.from(this.#pool.buffer, this.#at, length);
      this.#at += length;
      const id = bytes.toString('hex');
      if (!/^0+$/.test(id)) return id;
    }
  }
}
