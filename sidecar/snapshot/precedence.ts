/**
 * Which of several routes answers for an asked model. One evaluator: the sidecar routes by it, `compile` finds conflicts
 * by it.
 */

interface Ranked {
  id: string;
  rank: number;
}

/** Order among routes whose patterns are equally specific: the smaller one answers. */
export function compareRoutes(a: Ranked, b: Ranked): number {
  return a.rank - b.rank || (a.id < b.id ? -1 : Number(a.id > b.id));
}

/** A `models` entry taken apart: `gpt-*` is a prefix, `*` the empty prefix, anything else exact. */
export function parsePattern(pattern: string): { prefix: boolean; text: string } {
  return pattern.endsWith('*')
    ? { prefix: true, text: pattern.slice(0, -1) }
    : { prefix: false, text: pattern };
}
