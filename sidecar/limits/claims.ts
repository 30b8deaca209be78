/** What waits lays claim to what it lacks, so that nobody who comes later takes it. */

export interface Claimable {
  /** Number of the most important class that waits for room in it. */
  claim: number;
}

export class Claims<T extends Claimable> {
  /** What was short in the attempt under way of one who waits. */
  #short: T[] | undefined = undefined;

  /** There was no room in it. */
  lacked(one: T): void {
    this.#short?.push(one);
  }

  /** Runs `attempt`. Unless it comes to something, all that was short for it is claimed for its class. */
  during<R>(priority: number, attempt: () => R, cameTo: (result: R) => boolean): R {
    const short: T[] = [];
    this.#short = short;
    try {
      const result = attempt();
      if (!cameTo(result)) for (const one of short) one.claim = Math.min(one.claim, priority);
      return result;
    } finally {
      this.#short = undefined;
    }
  }
}
