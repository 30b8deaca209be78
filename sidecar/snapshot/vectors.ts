/**
 * Vectors as they travel and are kept: one byte for each dimension. Each vector is stretched so that its largest component is
 * 127; what that does to its length does not matter, since only directions are compared.
 */
import type { VectorsBody } from './shapes/signals.ts';

export interface Vectors {
  readonly dimensions: number;
  readonly count: number;
  /** One after the other. */
  readonly components: Int8Array;
  /** Length of each. */
  readonly norms: Float64Array;
}

const LARGEST = 127;
/** Bytes of the vectors of one route. */
const MOST_VECTOR_BYTES = 4 * 1024 * 1024;

/** Undefined where they have no common length, or take more than they may. */
export function packVectors(list: readonly (readonly number[])[]): Vectors | undefined {
  const dimensions = list[0]?.length ?? 0;
  if (dimensions === 0 || dimensions * list.length > MOST_VECTOR_BYTES) return undefined;
  if (list.some((vector) => vector.length !== dimensions)) return undefined;
  const components = new Int8Array(dimensions * list.length);
  for (const [i, vector] of list.entries()) {
    let largest = 0;
    for (const value of vector) largest = Math.max(largest, Math.abs(value));
    const scale = largest > 0 ? LARGEST / largest : 0;
    for (let j = 0; j < dimensions; j++) {
      components[i * dimensions + j] = Math.round((vector[j] as number) * scale);
    }
  }
  return withNorms(components, dimensions);
}

/** Undefined where `body` is not whole, or not of so many vectors. */
export function unpackVectors({ dimensions, data }: VectorsBody, count: number): Vectors | undefined {
  const bytes = Buffer.from(data, 'base64');
  if (dimensions < 1 || bytes.length !== dimensions * count || bytes.length > MOST_VECTOR_BYTES)
    return undefined;
  // Copied: a small Buffer is a part of a large one that would stay with it.
  return withNorms(Int8Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)), dimensions);
}

/** As they travel. */
export function vectorsBody({ dimensions, components }: Vectors): VectorsBody {
  const { buffer, byteOffset, byteLength } = components;
  return { dimensions, data: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

function withNorms(components: Int8Array, dimensions: number): Vectors {
  const count = components.length / dimensions;
  const norms = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = i * dimensions; j < (i + 1) * dimensions; j++) sum += (components[j] as number) ** 2;
    norms[i] = Math.sqrt(sum);
  }
  return { dimensions, count, components, norms };
}
