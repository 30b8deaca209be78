/** Vectors of questions that were answered, and which of them is nearest to another one. Pure. */

export interface KnownQuestion {
  /** Of length 1. */
  readonly vector: Float32Array;
  /** Under which the answer is kept. */
  readonly key: string;
}

/** A vector of length 1 in the same direction; undefined: it has none. */
export function direction(vector: readonly number[]): Float32Array | undefined {
  let sum = 0;
  for (const value of vector) sum += value * value;
  if (!(sum > 0) || !Number.isFinite(sum)) return undefined;
  const length = Math.sqrt(sum);
  return Float32Array.from(vector, (value) => value / length);
}

/** Cosine in whole percent, never more than it is; those of other lengths are left out. */
export function nearest(
  asked: Float32Array,
  known: Iterable<KnownQuestion>,
): { question: KnownQuestion; percent: number } | undefined {
  let best: KnownQuestion | undefined;
  let highest = -2;
  for (const question of known) {
    const { vector } = question;
    if (vector.length !== asked.length) continue;
    let dot = 0;
    for (let i = 0; i < vector.length; i++) dot += (vector[i] as number) * (asked[i] as number);
    if (dot <= highest) continue;
    highest = dot;
    best = question;
  }
  // Rounding of single precision must not turn the same words into other ones.
  return best && { question: best, percent: Math.min(100, Math.floor(highest * 100 + 1e-4)) };
}
