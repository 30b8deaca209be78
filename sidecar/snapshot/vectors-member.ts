/** Member `vectors` of a snapshot, which no hash vouches for: what is not of the agreed form is left aside. */
import type { VectorsBody } from './shapes/signals.ts';

const MAX_ENTRIES = 256;
/** Characters of one entry: base64 of four mebibytes. */
const MAX_DATA = 6 * 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Undefined: none that can be used. */
export function readVectorsMember(value: unknown): Record<string, VectorsBody> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value as Record<string, unknown>).slice(0, MAX_ENTRIES);
  const read = entries.flatMap(([name, body]): [string, VectorsBody][] => {
    const { dimensions, data } = (body ?? {}) as Partial<VectorsBody>;
    if (!Number.isSafeInteger(dimensions) || typeof data !== 'string' || data.length > MAX_DATA) return [];
    return BASE64.test(data) ? [[name, { dimensions: dimensions as number, data }]] : [];
  });
  return read.length > 0 ? Object.fromEntries(read) : undefined;
}
