/** Gives back what is idle for a moment, where headroom is short: another pod may wait for it. */
import type { Clock, Timer } from '../../snapshot/clock.ts';
import type { Entry } from './entry.ts';

const IDLE_MS = 250;

export class IdleReturns {
  readonly #clock: Clock;
  readonly #entries: Iterable<Entry>;
  /** A report should tell of it. */
  readonly #onReturned: () => void;
  #timer: Timer | undefined = undefined;
  #ended = false;

  constructor(clock: Clock, entries: Iterable<Entry>, onReturned: () => void) {
    this.#clock = clock;
    this.#entries = entries;
    this.#onReturned = onReturned;
  }

  /** Something may be idle from now on. */
  watch(): void {
    if (this.#timer !== undefined || this.#ended) return;
    const now = this.#clock.monotonic();
    let found = false;
    for (const { account } of this.#entries) found ||= account.scarce && account.available(now) > 0n;
    if (!found) return;
    this.#timer = this.#clock.after(IDLE_MS, () => {
      this.#timer = undefined;
      this.#giveBack();
      this.watch();
    });
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #giveBack(): void {
    const now = this.#clock.monotonic();
    let any = false;
    for (const { account } of this.#entries) {
      if (!account.scarce || account.idleFor(now) < IDLE_MS || account.available(now) === 0n) continue;
      account.giveBack(now);
      any = true;
    }
    if (any) this.#onReturned();
  }
}
