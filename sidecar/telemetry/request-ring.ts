/**
 * The last finished requests, for the admin port. Bounded by count and by bytes; the oldest leave first. They are kept as
 * text in one buffer: hundreds of trees of small objects that live for a while and then die are what a garbage collector
 * is worst at.
 */
import type { LogRecord, RequestDetail, RequestSummary } from './summary.ts';

export interface RingLimits {
  requests: number;
  bytes: number;
}

export const RING_LIMITS: RingLimits = { requests: 500, bytes: 1024 * 1024 };

interface Entry {
  id: string;
  /** Where its text is, and where within it the detail begins. */
  start: number;
  detail: number;
  end: number;
}

export class RequestRing {
  readonly #limits: RingLimits;
  /** Made with the first request. */
  #buffer: Buffer | undefined;
  /** Oldest first, as a circle: `#count` entries from `#first`. Entries are reused. */
  readonly #entries: Entry[] = [];
  #first = 0;
  #count = 0;
  /** Where the newest text ends. */
  #end = 0;

  constructor(limits: RingLimits = RING_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#count;
  }

  /** `line` is a LogRecord and `detail` a RequestDetail, both as JSON. */
  add(id: string, line: string, detail: string): void {
    const { requests, bytes: capacity } = this.#limits;
    const lineBytes = Buffer.byteLength(line);
    const bytes = lineBytes + Buffer.byteLength(detail);
    if (requests < 1 || bytes > capacity) return;
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(capacity));
    const start = this.#room(bytes);
    if (this.#count === requests) this.#dropOldest();
    const at = (this.#first + this.#count++) % requests;
    const entry = (this.#entries[at] ??= { id: '', start: 0, detail: 0, end: 0 });
    entry.id = id;
    entry.start = start;
    entry.detail = start + lineBytes;
    entry.end = this.#end = start + bytes;
    buffer.write(line, start);
    buffer.write(detail, entry.detail);
  }

  get(id: string): RequestSummary | undefined {
    for (let i = this.#count - 1; i >= 0; i--) {
      const entry = this.#entries[(this.#first + i) % this.#limits.requests];
      if (entry?.id === id) return this.#read(entry);
    }
    return undefined;
  }

  #read({ start, detail, end }: Entry): RequestSummary {
    const record = JSON.parse(this.#text(start, detail)) as LogRecord;
    const { attempts, ...more } = JSON.parse(this.#text(detail, end)) as RequestDetail;
    return {
      ...record,
      ...more,
      attempts: record.attempts.map((attempt, i) => ({
        ...attempt,
        ...(attempts[i] as (typeof attempts)[0]),
      })),
    };
  }

  #text(from: number, to: number): string {
    return this.#buffer?.toString('utf8', from, to) ?? '';
  }

  /** Start of `bytes` free bytes in one piece, made by dropping the oldest. */
  #room(bytes: number): number {
    let start = this.#end;
    if (start + bytes > this.#limits.bytes) {
      // What lies behind the newest text is older than what lies at the beginning, so it goes first.
      while (this.#count > 0 && this.#oldest().start >= start) this.#dropOldest();
      start = 0;
    }
    while (this.#count > 0 && this.#oldest().start < start + bytes && this.#oldest().end > start) {
      this.#dropOldest();
    }
    return start;
  }

  #oldest(): Entry {
    return this.#entries[this.#first] as Entry;
  }

  #dropOldest(): void {
    this.#first = (this.#first + 1) % this.#limits.requests;
    this.#count--;
  }
}
