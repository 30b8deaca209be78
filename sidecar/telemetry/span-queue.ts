/**
 * Finished spans on their way to the collector: a bounded queue, one export at a time. A collector that is slow, broken
 * or absent costs spans and two log lines, never a request.
 */
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';

export interface SpanQueueOptions {
  exporter: SpanExporter;
  /** Spans held; more are dropped. */
  limit: number;
  batchSize: number;
  /** Longest wait of a span for its batch to fill, in milliseconds. */
  delayMs: number;
  /** An export that takes longer counts as failed. */
  exportTimeoutMs: number;
  onDropped(reason: 'QueueFull' | 'ExportFailed', spans: number): void;
  /** Exports work from now on, or fail from now on: called on changes only. */
  onHealth(working: boolean): void;
}

export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  #spans: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #exporting: Promise<void> | undefined;
  #working = true;
  #closed = false;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#closed || this.#spans.length >= this.#options.limit) {
      this.#options.onDropped('QueueFull', 1);
      return;
    }
    this.#spans.push(span);
    this.#schedule();
  }

  /** Everything that was queued at the call has been tried once. */
  async forceFlush(): Promise<void> {
    while (this.#exporting || this.#spans.length > 0) {
      this.#start();
      await this.#exporting;
    }
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    this.#closed = true;
    await this.#options.exporter.shutdown();
  }

  #schedule(): void {
    if (this.#exporting || this.#spans.length === 0) return;
    if (this.#spans.length >= this.#options.batchSize) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#options.delayMs).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#exporting && this.#spans.length > 0) this.#exporting = this.#exportBatch();
  }

  async #exportBatch(): Promise<void> {
    const batch = this.#spans.splice(0, this.#options.batchSize);
    const working = await this.#export(batch);
    this.#exporting = undefined;
    if (!working) this.#options.onDropped('ExportFailed', batch.length);
    if (working !== this.#working) {
      this.#working = working;
      this.#options.onHealth(working);
    }
    this.#schedule();
  }

  #export(batch: ReadableSpan[]): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#options.exportTimeoutMs).unref();
      const done = (working: boolean): void => {
        clearTimeout(timer);
        resolve(working);
      };
      try {
        // 0 is ExportResultCode.SUCCESS of @opentelemetry/core, which is not among our dependencies.
        this.#options.exporter.export(batch, (result) => done((result.code as number) === 0));
      } catch {
        done(false);
      }
    });
  }
}
