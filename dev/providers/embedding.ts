/**
 * Vectors that mean something: a hashed bag of words and of the beginnings of words, so that texts about the same things are
 * near each other, whoever asks. Deterministic; of length 1, as vendors send them.
 */
import { createHash } from 'node:crypto';

/** Of vectors nobody asked another length of. */
export const EMBEDDING_LENGTH = 512;

/** Beginnings tell "refund" and "refunds" to be akin. */
const STEM = 5;
/** Words that say little of what a text is about count little. */
const COMMON = new Set(
  'a an and are as at be by can do for from has have how i if in is it me my of on or our please so than that the this to was we what when where which why will with you your'.split(
    ' ',
  ),
);
const COMMON_WEIGHT = 0.1;

export function embeddingOf(text: string, length: number): Float32Array {
  const vector = new Float32Array(length);
  const add = (feature: string, weight: number): void => {
    const digest = createHash('sha256').update(feature).digest();
    const sign = (digest[4] as number) & 1 ? 1 : -1;
    vector[digest.readUInt32BE(0) % length] = (vector[digest.readUInt32BE(0) % length] ?? 0) + sign * weight;
  };
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    const weight = COMMON.has(word) ? COMMON_WEIGHT : 1;
    add(word, weight);
    if (word.length > STEM) add(`${word.slice(0, STEM)}*`, weight);
  }
  const norm = Math.hypot(...vector);
  if (norm === 0) vector[0] = 1;
  else for (let i = 0; i < length; i++) vector[i] = (vector[i] as number) / norm;
  return vector;
}
