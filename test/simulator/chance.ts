/** Chance that is the same each time: everything random in a simulation is drawn from its seed. */

/** Numbers in [0, 1), from a small counter-based generator whose neighbouring seeds are unrelated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A bell curve around 0 with a deviation of 1. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** As latencies are: never below 0, most near the median, a tail above. `spread` is the deviation of the logarithm. */
export function lognormal(random: () => number, median: number, spread: number): number {
  return median * Math.exp(spread * normal(random));
}

/** The time to the next arrival where so many come per second, each by itself. */
export function untilNext(random: () => number, perSecond: number): number {
  return (-Math.log(1 - random()) * 1000) / perSecond;
}
