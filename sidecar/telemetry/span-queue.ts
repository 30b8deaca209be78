/**
 * Finished spans on their way to the collector: a bounded queue, one export at a time. A collector that is slow, broken
 * or absent costs spans and two log lines, never a request.
 */
import type { EncodedSpans } from './spans.ts';

export interface SpanQueueOptions {
  /** Sends one batch, and says whether it was taken. */
  send(batch: readonly Buffer[]): Promise<boolean>;
  /** Spans held; more are dropped. */
  limit: number;
  /** Spans that make a batch. */
  batchSize: number;
  /** Longest wait of a span for its batch to fill, in milliseconds. */
  delayMs: number;
  /** An export that takes longer counts as failed. */
  exportTimeoutMs: number;
  onDropped(reason: 'QueueFull' | 'ExportFailed', spans: number): void;
  /** Exports work from now on, or fail from now on: called on changes only. */
  onHealth(working: boolean): void;
}

export class SpanQueue {
  readonly #options: SpanQueueOptions;
  /** Those of one request stay together. */
  #requests: EncodedSpans[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;
  #exporting: Promise<void> | undefined;
  #working = true;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  add(spans: EncodedSpans): void {
    if (this.#held + spans.count > this.#options.limit) {
      this.#options.onDropped('QueueFull', spans.count);
      return;
    }
    this.#requests.push(spans);
    this.#held += spans.count;
    this.#schedule();
  }

  /** Everything that was queued at the call has been tried once. */
  async flush(): Promise<void> {
    while (this.#exporting || this.#held > 0) {
      this.#start();
      await this.#exporting;
    }
  }

  #schedule(): void {
    if (this.#exporting || this.#held === 0) return;
    if (this.#held >= this.#options.batchSize) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#options.delayMs).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#exporting && this.#held > 0) this.#exporting = this.#exportBatch();
  }

  async #exportBatch(): Promise<void> {
    let spans = 0;
    let requests = 0;
    while (requests < this.#requests.length && spans < this.#options.batchSize) {
      spans += this.#requests[requests++]?.count ?? 0;
    }
    const batch = this.#requests.splice(0, requests).map(({ bytes }) => bytes);
    this.#held -= spans;
    const working = await this.#export(batch);
    this.#exporting = undefined;
    if (!working) this.#options.onDropped('ExportFailed', spans);
    if (working !== this.#working) {
      this.#working = working;
      this.#options.onHealth(working);
    }
    this.#schedule();
  }

  async #export(batch: readonly Buffer[]): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#options.exportTimeoutMs).unref();
    });
    try {
      return await Promise.race([this.#options.send(batch), late]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
