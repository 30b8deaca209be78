/**
 * What copies of one mirror may cost in this pod: its share of the amount for an hour. What a copy may cost at most is set
 * aside before it is sent, and what it cost is booked when it is over, so copies under way never take more than there is.
 */

const HOUR_MS = 3_600_000;

export class MirrorBudget {
  #hourAt = -Infinity;
  /** Nano-USD. */
  #spent = 0n;
  #reserved = 0n;

  /** `amount` is the pod's share of this hour, in nano-USD; `now` is monotonic. False: it is used up. */
  reserve(cost: bigint, amount: bigint, now: number): boolean {
    if (now - this.#hourAt >= HOUR_MS) {
      this.#hourAt = now;
      this.#spent = 0n;
    }
    if (this.#spent + this.#reserved + cost > amount) return false;
    this.#reserved += cost;
    return true;
  }

  /** `cost`: as settled; what is not known has cost all that was set aside. */
  settle(reserved: bigint, cost: bigint | undefined): void {
    this.#reserved -= reserved;
    this.#spent += cost ?? reserved;
  }
}
