/** How fast something is asked for of late: what is older counts half as much every `halfLifeMs`. Pure. */
export class Pace {
  readonly #halfLifeMs: number;
  #rate = 0;
  #at = 0;

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  add(amount: number, now: number): void {
    this.#rate = this.perMs(now) + (amount * Math.LN2) / this.#halfLifeMs;
    this.#at = now;
  }

  perMs(now: number): number {
    return this.#rate === 0 ? 0 : this.#rate * 2 ** (-(now - this.#at) / this.#halfLifeMs);
  }
}
