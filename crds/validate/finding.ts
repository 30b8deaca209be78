/** A problem before it is known which object it belongs to. */
import type { PathPart, ProblemSource } from '../problem.ts';

export interface Finding {
  source: ProblemSource;
  path: PathPart[];
  value: unknown;
  message: string;
  expected: string;
}

/** What stands at `path`; undefined where nothing does. */
export function valueAt(root: unknown, path: readonly PathPart[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PathPart, unknown>)[part];
  }
  return value;
}
