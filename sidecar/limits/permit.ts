/** What one attempt holds of every limit it falls under: taken together, and given back once, whatever becomes of it. */
import type { Fed } from './feeds.ts';
import type { Hold } from './limiter.ts';

export class Permit {
  readonly #holds: readonly Hold[];
  readonly #fed: Fed | undefined;
  readonly #onFree: () => void;
  #answered = false;
  #ended = false;
  #refunded = false;

  constructor(holds: readonly Hold[], fed: Fed | undefined, onFree: () => void) {
    this.#holds = holds;
    this.#fed = fed;
    this.#onFree = onFree;
  }

  get holds(): readonly Hold[] {
    return this.#holds;
  }

  /** The provider has counted it: its answer has come. */
  answered(): void {
    if (this.#answered) return;
    this.#answered = true;
    if (this.#fed) this.#fed.inFlight--;
  }

  /** The attempt is over. `refund`: it does not count against limits of a minute. */
  end(refund: boolean, now: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#refunded = refund;
    this.answered();
    for (const hold of this.#holds) hold.limiter.end(hold, refund, now);
    this.#onFree();
  }

  /** What it has really used: input and output together. */
  settle(tokens: number, now: number): void {
    if (this.#refunded) return;
    for (const hold of this.#holds) hold.limiter.settle(hold, tokens, now);
  }
}
