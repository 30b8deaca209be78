/**
 * Latencies in 32 fixed classes, each reaching √2 times as far as the one before, from 8 ms to 6 minutes. Sketches of all pods
 * have the same classes, so adding them up merges them; a quantile is off by a class at worst, a factor of √2.
 */
export const SKETCH_CLASSES = 32;
const FIRST_MS = 8;

/** The class of a latency in milliseconds. */
export function classOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(SKETCH_CLASSES - 1, Math.ceil(2 * Math.log2(ms / FIRST_MS)));
}

/** Milliseconds that a share of the counts stays below; undefined where there are none. */
export function quantileOf(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] ?? 0;
  if (!(total > 0)) return undefined;
  let left = share * total;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    if (count > 0 && left <= count) {
      const low = i === 0 ? FIRST_MS / 2 : upper(i - 1);
      // Within a class, latencies are taken to lie evenly on the logarithmic scale.
      return low * (upper(i) / low) ** (left / count);
    }
    left -= count;
  }
  return upper(counts.length - 1);
}

const upper = (i: number): number => FIRST_MS * 2 ** (i / 2);
