/** An answer to a request for vectors, in the form of OpenAI's API, read strictly: anything unexpected is no answer. */

/** Vectors of an embeddings answer in the order of the inputs; undefined where one is missing or no list of finite numbers. */
export function readVectors(answer: unknown, count: number): number[][] | undefined {
  const data = member(answer, 'data');
  if (!Array.isArray(data) || data.length !== count) return undefined;
  const vectors: number[][] = [];
  for (const [position, entry] of data.entries()) {
    const vector = member(entry, 'embedding');
    const index = member(entry, 'index') ?? position;
    if (!Array.isArray(vector) || vector.length === 0 || !vector.every(isFinite)) return undefined;
    if (typeof index !== 'number' || index < 0 || index >= count || vectors[index]) return undefined;
    vectors[index] = vector as number[];
  }
  return vectors;
}

const isFinite = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

/** A member of what may not even be an object. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
