/** Chance in the shape of a bell. */

/** Mean 0, deviation 1. Takes two numbers of `random`, each in [0, 1). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
