/**
 * One process at a time: a key in a store that runs out unless it is renewed. Who cannot renew it in time stops before anybody else
 * can begin, by its own monotonic clock.
 */
import type { Clock, Timer } from '../../snapshot/clock.ts';
import type { Store } from './store-connection.ts';

export interface SlotOptions {
  store: Pick<Store, 'claim' | 'value' | 'extend' | 'remove'>;
  clock: Clock;
  warn: (message: string) => void;
  key: string;
  /** Random for each process. */
  owner: string;
}

const TTL_MS = 30_000;
const RENEW_MS = 8_000;
/** Commands under way must be over before the key is. */
const MARGIN_MS = 10_000;

export class Slot {
  readonly #options: SlotOptions;
  #until = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #lost: (() => void) | undefined;
  #over = false;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  get held(): boolean {
    return !this.#over && this.#options.clock.monotonic() < this.#until;
  }

  onLost(lost: () => void): void {
    this.#lost = lost;
  }

  /** False: somebody else has it. */
  async take(): Promise<boolean> {
    const { store, key, owner, clock } = this.#options;
    const asked = clock.monotonic();
    if (!(await store.claim(key, owner, TTL_MS))) return false;
    this.#until = asked + TTL_MS - MARGIN_MS;
    this.#later();
    return true;
  }

  async release(): Promise<void> {
    const { store, key, owner } = this.#options;
    const held = this.held;
    this.#over = true;
    this.#timer?.cancel();
    if (!held) return;
    try {
      if ((await store.value(key)) === owner) await store.remove(key);
    } catch {
      // It runs out.
    }
  }

  #later(): void {
    this.#timer = this.#options.clock.after(RENEW_MS, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { store, key, owner, clock, warn } = this.#options;
    const asked = clock.monotonic();
    try {
      // Looked at behind it: asked before, it might run out between the two, and be somebody else's that is kept alive here.
      await store.extend(key, TTL_MS);
      const value = await store.value(key);
      if (this.#over) return;
      if (value !== owner) {
        // Somebody else had it, or has: what is in memory here is of the past.
        this.#over = true;
        warn(`${key} is held by another process now`);
        this.#lost?.();
        return;
      }
      this.#until = asked + TTL_MS - MARGIN_MS;
    } catch {
      // Asked again until somebody else is there.
    }
    if (!this.#over) this.#later();
  }
}
