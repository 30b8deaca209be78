/** How fast one answer comes, held against what its target normally delivers. Bytes as they arrive; time is an argument. */
import type { Candidate } from '../../routing/plan.ts';
import type { PaceBook } from './pace-book.ts';

export interface FlowOptions {
  readonly book: PaceBook;
  readonly candidate: Candidate;
  readonly stream: boolean;
  /** Bytes per second below which the answer has stalled; 0: too little is known of the target. */
  readonly leastRate: number;
  readonly windowMs: number;
  /** No other attempt could follow. */
  readonly last: boolean;
}

export class Flow {
  readonly #options: FlowOptions;
  #bytes = 0;
  #firstAt = Number.NaN;
  #checkedAt = Number.NaN;
  #checkedBytes = 0;
  /** The caller held the answer up, ever or since the last look: its rate says nothing of the target. */
  #everHeldUp = false;
  #heldUp = false;

  constructor(options: FlowOptions) {
    this.#options = options;
  }

  get begun(): boolean {
    return this.#bytes > 0;
  }

  get watches(): boolean {
    return this.#options.leastRate > 0;
  }

  get windowMs(): number {
    return this.#options.windowMs;
  }

  get last(): boolean {
    return this.#options.last;
  }

  /** Of an answer that has stalled. */
  get said(): string {
    return `throughput ${Math.ceil(this.#options.leastRate)} B/s`;
  }

  came(bytes: number, now: number): void {
    if (this.#bytes === 0) {
      this.#firstAt = now;
      this.#checkedAt = now;
    }
    this.#bytes += bytes;
  }

  holdUp(): void {
    this.#everHeldUp = true;
    this.#heldUp = true;
  }

  /** Whether less has come since the last look than the target would normally have sent by far. */
  check(now: number): boolean {
    const came = this.#bytes - this.#checkedBytes;
    const passed = now - this.#checkedAt;
    this.#checkedBytes = this.#bytes;
    this.#checkedAt = now;
    const heldUp = this.#heldUp;
    this.#heldUp = false;
    return !heldUp && passed > 0 && (came * 1000) / passed < this.#options.leastRate;
  }

  /** The answer is complete: the target is known better now. */
  whole(now: number): void {
    if (this.#bytes === 0 || this.#everHeldUp) return;
    const { book, candidate, stream } = this.#options;
    book.rated(candidate, stream, this.#bytes, now - this.#firstAt, now);
  }
}
