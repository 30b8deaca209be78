/**
 * One line of JSON per request, written in the background. When whoever reads the log is too slow, lines are dropped and
 * counted: logging takes a bounded amount of memory and never holds a request up.
 */
import { openSync } from 'node:fs';
import type { Finished } from './finished.ts';
import { LineWriter } from './line-writer.ts';

export interface AccessLogOptions {
  /** File descriptor, or path of a file to append to; standard output when absent. */
  destination?: number | string;
  /** Share of unremarkable successes that are logged, 0 to 1; everything else always is. 1 when absent. */
  sampleSuccesses?: number;
  /** Bytes that may wait to be written. */
  limit?: number;
  /** Bytes that are collected before they are written, and how long they wait for it, in milliseconds. */
  minLength?: number;
  flushAfterMs?: number;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** Tells these lines from those of the process log. */
const HEAD = Buffer.from('{"level":"info","msg":"request",');

const LIMIT = 1024 * 1024;
/** A write to the system wakes a thread, so it is worth gathering for, up to what a pipe holds; slow traffic goes out after the time. */
const MIN_LENGTH = 60 * 1024;
const FLUSH_AFTER_MS = 250;

export class AccessLog {
  readonly #writer: LineWriter;
  readonly #sampleSuccesses: number;
  readonly #random: () => number;
  readonly #flushAfterMs: number;
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(options: AccessLogOptions = {}) {
    this.#sampleSuccesses = options.sampleSuccesses ?? 1;
    this.#random = options.random ?? Math.random;
    this.#flushAfterMs = options.flushAfterMs ?? FLUSH_AFTER_MS;
    const { destination = 1 } = options;
    this.#writer = new LineWriter({
      // Opened here, so that a path that cannot be written fails at the start and not in the background.
      fd: typeof destination === 'string' ? openSync(destination, 'a') : destination,
      limit: options.limit ?? LIMIT,
      gather: options.minLength ?? MIN_LENGTH,
      onLost: (lines) => (this.#dropped += lines),
    });
  }

  /** Lines that were dropped or could not be written. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The share of its kind that a request's line stands for; 0: it is not logged. */
  rate(finished: Finished): number {
    if (this.#sampleSuccesses >= 1 || !isUnremarkable(finished)) return 1;
    return this.#random() < this.#sampleSuccesses ? this.#sampleSuccesses : 0;
  }

  /** `line` is a LogRecord as JSON. */
  write(line: string): void {
    this.#writer.write(HEAD, line);
    // One timer for all lines that come until it fires, and none while there is nothing to write.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#writer.flush();
    }, this.#flushAfterMs).unref();
  }

  /** Resolves when everything written so far is out, or cannot be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writer.flush();
  }
}

/** A success at the first try, with nothing to explain. */
export function isUnremarkable({ exchange, outcome, result, unpriced }: Finished): boolean {
  return (
    result === 'OK' &&
    outcome.status >= 200 &&
    outcome.status < 300 &&
    exchange.attempts.length <= 1 &&
    exchange.warnings.length === 0 &&
    unpriced === 0
  );
}
