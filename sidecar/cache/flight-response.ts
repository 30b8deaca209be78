/** Where dispatch writes an answer that several may wait for. It belongs to none of them, so none of them can end it. */
import { DiscardedResponse, innerRequest } from '../internal/captured-response.ts';

/** Who is told what is written. */
export interface FlightSink {
  head(status: number, headers: readonly string[]): void;
  /** False: the writer shall wait until `FlightResponse.readOn`. */
  bytes(chunk: Buffer): boolean;
  flush(): void;
  /** Everything is written. */
  end(): void;
}

export class FlightResponse extends DiscardedResponse {
  readonly #sink: FlightSink;
  #waits = false;

  constructor(path: string, sink: FlightSink) {
    super(innerRequest(path, []));
    this.#sink = sink;
  }

  /** As dispatch calls it: with names and values in turn. */
  override writeHead(status: number, ...rest: unknown[]): this {
    super.writeHead(status);
    this.#sink.head(status, rest[0] as string[]);
    return this;
  }

  override flushHeaders(): void {
    this.#sink.flush();
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    this.#waits = !this.#sink.bytes(bytesOf(chunk, rest[0]));
    return !this.#waits;
  }

  override end(...args: unknown[]): this {
    const [chunk, encoding] = args;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.#sink.bytes(bytesOf(chunk, encoding));
    }
    this.#sink.end();
    return super.end();
  }

  /** Whoever reads has caught up. */
  readOn(): void {
    if (!this.#waits) return;
    this.#waits = false;
    this.emit('drain');
  }
}

const bytesOf = (chunk: unknown, encoding: unknown): Buffer =>
  typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : (chunk as Buffer);
