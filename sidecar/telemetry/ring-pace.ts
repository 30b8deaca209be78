/**
 * How many unremarkable successes the ring of recent requests takes a second: as many again of those that are traced. A ring that
 * takes each of thousands a second is of no use to anybody: it forgets a failure before somebody can ask for it. Everything
 * remarkable is always taken.
 */
export const PER_SECOND = 20;

export class RingPace {
  #second = 0;
  #taken = 0;

  /** `wall`: milliseconds since the epoch, roughly in order. */
  admits(wall: number): boolean {
    const second = Math.floor(wall / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    return ++this.#taken <= PER_SECOND;
  }
}
