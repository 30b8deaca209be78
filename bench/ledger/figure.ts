/** A line of the table. `met` is absent where there is no bar. */
export interface Figure {
  what: string;
  value: string;
  bar?: string;
  met?: boolean;
}

/** mulberry32: the same run each time. In [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
