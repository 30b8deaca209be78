/** Decides whether a request is traced, and has its spans written and sent. Loaded only where an exporter is configured. */
import { getRandomValues } from 'node:crypto';
import type { Attempt } from '../exchange.ts';
import type { Finished } from './finished.ts';
import type { KnownNames } from './known-names.ts';
import { OtlpExporter } from './otlp-exporter.ts';
import { ProtoWriter } from './protobuf.ts';
import { isSampled, type SamplerSettings, traceTail } from './sampler.ts';
import { SpanQueue, type SpanQueueOptions } from './span-queue.ts';
import { SpanEncoder } from './spans.ts';
import type { TraceParent } from './trace-context.ts';
import type { TraceSettings } from './trace-settings.ts';

const QUEUE_LIMIT = 2048;
const BATCH_SIZE = 256;
const DELAY_MS = 2000;
/** Grace beyond the exporter's own timeout. */
const EXPORT_GRACE_MS = 2000;

export interface Sampled {
  traceId: string;
  parent: TraceParent | undefined;
}

export class Tracing {
  readonly #sampler: SamplerSettings;
  readonly #encoder: SpanEncoder;
  readonly #queue: SpanQueue;
  readonly #ids = new TraceIds();

  /** `hooks` hear of drops and of the collector's health. Throws where the exporter cannot be set up. */
  constructor(
    settings: TraceSettings,
    version: string,
    hooks: Pick<SpanQueueOptions, 'onDropped' | 'onHealth'>,
  ) {
    const exporter = new OtlpExporter(settings);
    this.#sampler = settings.sampler;
    this.#encoder = new SpanEncoder((to) => this.#ids.spanId(to));
    const resource = this.#encoder.resource({
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'outrider',
      'telemetry.sdk.version': version,
      ...settings.resource,
    });
    this.#queue = new SpanQueue({
      ...hooks,
      send: (batch) => exporter.send(exportRequest(resource, version, batch)),
      limit: QUEUE_LIMIT,
      batchSize: BATCH_SIZE,
      delayMs: DELAY_MS,
      exportTimeoutMs: settings.timeoutMs + EXPORT_GRACE_MS,
    });
  }

  /** The decision of a request: undefined means that nothing of its trace is computed, not even its id. */
  sample(parent: TraceParent | undefined): Sampled | undefined {
    if (parent !== undefined) {
      const { traceId } = parent;
      return isSampled(this.#sampler, parent, traceTail(traceId)) ? { traceId, parent } : undefined;
    }
    if (this.#sampler.ratio <= 0) return undefined;
    const tail = this.#ids.draw();
    return isSampled(this.#sampler, undefined, tail) ? { traceId: this.#ids.traceId, parent } : undefined;
  }

  /** `plain`: the only attempt of a request with nothing to explain. */
  write(
    finished: Finished,
    plain: Attempt | undefined,
    names: KnownNames,
    { traceId, parent }: Sampled,
  ): void {
    this.#queue.add(this.#encoder.encode(finished, plain, names, traceId, parent));
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }
}

/** `ExportTraceServiceRequest` with one resource and one scope. `spans` are fields of the latter already. */
function exportRequest(resource: Buffer, version: string, spans: readonly Buffer[]): Buffer {
  const out = new ProtoWriter();
  const scope = out.open(1);
  out.text(1, 'outrider');
  out.text(2, version);
  out.close(scope);
  const scopeSpans = Buffer.concat([out.take(), ...spans]);
  const resourceSpans = out.open(1);
  out.raw(resource);
  out.bytes(2, scopeSpans);
  out.close(resourceSpans);
  return out.take();
}

/** Random ids out of a pool of bytes. A trace's id becomes text only once it is known that the trace is wanted. */
class TraceIds {
  readonly #pool = Buffer.alloc(4096);
  #at = this.#pool.length;
  #trace = 0;

  /** Draws the id of the next trace, and gives its tail, as `traceTail` reads it. */
  draw(): number {
    this.#trace = this.#take(16);
    return this.#pool.readUIntBE(this.#trace + 9, 6) * 16 + ((this.#pool[this.#trace + 15] as number) >>> 4);
  }

  /** The id drawn last; to be read before anything else is drawn. */
  get traceId(): string {
    return this.#pool.toString('hex', this.#trace, this.#trace + 16);
  }

  /** Puts an id into these 8 bytes. */
  spanId(to: Uint8Array): void {
    const from = this.#take(8);
    for (let i = 0; i < 8; i++) to[i] = this.#pool[from + i] as number;
  }

  /** Position of so many bytes in the pool, of which the last are not all zero: no id may be. */
  #take(length: number): number {
    for (;;) {
      if (this.#at + length > this.#pool.length) {
        getRandomValues(this.#pool);
        this.#at = 0;
      }
      const start = this.#at;
      this.#at += length;
      if (this.#pool.readUIntBE(start + length - 6, 6) !== 0) return start;
    }
  }
}
