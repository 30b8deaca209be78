/** Keeps requests away from a store that does not answer: nobody waits for it while it is asked in the background. */
import type { Clock, Timer } from '../../snapshot/clock.ts';

export interface StoreBreakerOptions {
  clock: Clock;
  /** Failures in a row that open it. */
  failures?: number;
  /** Time between questions whether it is back. */
  probeMs?: number;
  /** Resolves when it answers. */
  probe: () => Promise<unknown>;
  onChange: (open: boolean) => void;
}

export class StoreBreaker {
  readonly #options: Required<StoreBreakerOptions>;
  #failures = 0;
  #open = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: StoreBreakerOptions) {
    this.#options = { failures: 5, probeMs: 2000, ...options };
  }

  get open(): boolean {
    return this.#open;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    if (this.#open || ++this.#failures < this.#options.failures) return;
    this.#open = true;
    this.#options.onChange(true);
    this.#later();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #later(): void {
    if (this.#closed) return;
    const { clock, probeMs } = this.#options;
    this.#timer = clock.after(probeMs, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    try {
      await this.#options.probe();
    } catch {
      this.#later();
      return;
    }
    if (this.#closed) return;
    this.#open = false;
    this.#failures = 0;
    this.#options.onChange(false);
  }
}
