/** Sizes of requests that are observed apart: what a long prompt does to a target says little about a short one. */

/** Estimated input tokens below which each bucket ends; the last one has no end. */
const BOUNDS = [256, 1024, 4096, 16_384, 65_536] as const;

export const INPUT_BUCKETS: number = BOUNDS.length + 1;

export function inputBucket(tokens: number): number {
  let bucket = 0;
  while (bucket < BOUNDS.length && tokens >= (BOUNDS[bucket] as number)) bucket++;
  return bucket;
}
