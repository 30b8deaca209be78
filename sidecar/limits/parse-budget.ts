/**
 * Time that the parsing of large bodies may take from everybody else. A body of megabytes holds the event loop for
 * milliseconds while it is parsed; a few callers at once must not make a stall of that for all the others. Small bodies are
 * not counted.
 */
import { OutriderError } from '../../errors/table.ts';

/** Bodies up to this size are parsed without being counted. */
const COUNTED_FROM = 1024 * 1024;
const WINDOW_MS = 1000;
/** Milliseconds of each window: a quarter of the one thread there is. */
const SHARE_MS = 250;

export class ParseBudget {
  readonly #now: () => number;
  #windowEnds = 0;
  #spentMs = 0;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Runs `parse` at once. Throws `parse_budget_spent` (503) where large bodies have had their share of this second. */
  run<T>(bytes: number, parse: () => T): T {
    if (bytes <= COUNTED_FROM) return parse();
    const start = this.#now();
    if (start >= this.#windowEnds) {
      this.#windowEnds = start + WINDOW_MS;
      this.#spentMs = 0;
    }
    if (this.#spentMs >= SHARE_MS) {
      const limit = `${SHARE_MS}ms a second`;
      throw new OutriderError('parse_budget_spent', { bytes, limit }, this.#windowEnds - start);
    }
    try {
      return parse();
    } finally {
      this.#spentMs += this.#now() - start;
    }
  }
}
