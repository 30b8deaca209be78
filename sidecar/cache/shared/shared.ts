/**
 * Answers that several sidecars share, in a store beyond this process. It may be slow, full, wrong or gone: a request waits
 * for it a few milliseconds at most, and what goes wrong there is a miss.
 */
import type { Clock } from '../../snapshot/clock.ts';
import type { CachedAnswer } from '../answer.ts';
import type { StoreConnection } from './connection.ts';
import { StoreBreaker } from './store-breaker.ts';
import { decodeAnswer, encodeAnswer } from './value.ts';

export interface SharedOptions {
  connection: StoreConnection;
  clock: Clock;
  warn: (message: string) => void;
  /** How long a request waits for the store. */
  timeoutMs?: number;
  /** Longer values are not written. */
  maxValueBytes?: number;
}

/** What is read by the operator's eyes only. */
export interface SharedStats {
  hits: number;
  misses: number;
  timeouts: number;
  errors: number;
  /** Values that were there and are not what was written. */
  damaged: number;
  skipped: number;
}

const PREFIX = 'outrider:1:';
const TIMEOUT_MS = 4;
const WRITE_MS = 500;
const PROBE_MS = 250;
const MAX_VALUE_BYTES = 1024 * 1024;
/** Questions that may be open at once, and bytes that may be on their way. */
const MAX_PENDING = 128;
const MAX_PENDING_BYTES = 4 * 1024 * 1024;
/** After a store said that it is full. */
const FULL_PAUSE_MS = 1000;

export class SharedAnswers {
  readonly stats: SharedStats = { hits: 0, misses: 0, timeouts: 0, errors: 0, damaged: 0, skipped: 0 };
  readonly #connection: StoreConnection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #maxValueBytes: number;
  readonly #breaker: StoreBreaker;
  #pending = 0;
  #pendingBytes = 0;
  #writeAgainAt = 0;

  constructor({
    connection,
    clock,
    warn,
    timeoutMs = TIMEOUT_MS,
    maxValueBytes = MAX_VALUE_BYTES,
  }: SharedOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#maxValueBytes = maxValueBytes;
    this.#breaker = new StoreBreaker({
      clock,
      probe: () => this.#probe(),
      onChange: (open) => {
        if (open) connection.reset();
        warn(open ? 'the shared cache does not answer; it is left alone' : 'the shared cache answers again');
      },
    });
  }

  /**
   * Undefined: it is not there, or not in time. `onLate` gets what comes after that. `scope`: whose answers they are; a
   * store that tells its users apart can do so by it.
   */
  async get(
    scope: string,
    key: string,
    onLate: (answer: CachedAnswer) => void,
  ): Promise<CachedAnswer | undefined> {
    if (!this.#usable()) {
      this.stats.skipped++;
      return undefined;
    }
    const name = nameOf(scope, key);
    let late = false;
    this.#pending++;
    const asked = this.#connection
      .get(name)
      .then((value) => this.#read(key, value))
      .finally(() => this.#pending--);
    void asked.then((answer) => late && answer && onLate(answer)).catch(() => {});
    try {
      const answer = await this.#within(this.#timeoutMs, asked);
      this.#breaker.succeeded();
      this.stats[answer ? 'hits' : 'misses']++;
      return answer;
    } catch (error) {
      late = true;
      this.stats[error === LATE ? 'timeouts' : 'errors']++;
      this.#breaker.failed();
      return undefined;
    }
  }

  /** In the background; what cannot be written is not. */
  put(scope: string, key: string, answer: CachedAnswer): void {
    const ttlMs = Math.floor(answer.expires - this.#clock.wall());
    const { length } = answer.body;
    if (!this.#usable() || ttlMs < 1 || length > this.#maxValueBytes) return;
    if (this.#pendingBytes + length > MAX_PENDING_BYTES || this.#clock.monotonic() < this.#writeAgainAt) {
      this.stats.skipped++;
      return;
    }
    const value = encodeAnswer(key, answer);
    this.#pending++;
    this.#pendingBytes += value.length;
    const written = this.#connection.set(nameOf(scope, key), value, ttlMs).finally(() => {
      this.#pending--;
      this.#pendingBytes -= value.length;
    });
    void this.#within(WRITE_MS, written).then(
      () => this.#breaker.succeeded(),
      (error: unknown) => this.#notWritten(error),
    );
  }

  close(): void {
    this.#breaker.close();
    this.#connection.close();
  }

  /** A connection that was silent once may be so for ever. */
  async #probe(): Promise<void> {
    try {
      await this.#within(PROBE_MS, this.#connection.ping());
    } catch (error) {
      this.#connection.reset();
      throw error;
    }
  }

  #usable(): boolean {
    return !this.#breaker.open && this.#connection.ready && this.#pending < MAX_PENDING;
  }

  #read(key: string, value: Buffer | null): CachedAnswer | undefined {
    if (value === null) return undefined;
    const answer = value.length <= 2 * this.#maxValueBytes ? decodeAnswer(key, value) : undefined;
    if (!answer) this.stats.damaged++;
    return answer;
  }

  /** A store that refuses answers all the same; one that is silent does not. */
  #notWritten(error: unknown): void {
    this.stats[error === LATE ? 'timeouts' : 'errors']++;
    if (error === LATE) this.#breaker.failed();
    else this.#writeAgainAt = this.#clock.monotonic() + FULL_PAUSE_MS;
  }

  #within<T>(ms: number, value: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(ms, () => {
        // What came while this thread was busy is there, and only not read yet.
        setImmediate(() => reject(LATE));
      });
      void value.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

const LATE = new Error('too late');
const nameOf = (scope: string, key: string): string => `${PREFIX}${scope}:${key}`;
