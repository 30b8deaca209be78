/**
 * Patterns that users write: RE2 syntax, run in linear time, so that no pattern can freeze a pod. The engine is loaded only
 * when some pattern exists.
 */
import { createRequire } from 'node:module';
import type * as Engine from 're2js';

export interface Pattern {
  /** Whether the pattern matches the whole text. */
  matchesAll(text: string): boolean;
  /** Whether the pattern occurs in the text. */
  occursIn(text: string): boolean;
}

let engine: typeof Engine | undefined;

/**
 * Loads the engine ahead of use. A bundled sidecar must have called this before it validates items that hold patterns; from
 * sources the first use loads it.
 */
export async function loadPatternEngine(): Promise<void> {
  engine ??= await import('re2js');
}

/** Throws an Error that says what is wrong with the pattern; back-references and look-around are not RE2. */
export function compilePattern(source: string): Pattern {
  engine ??= createRequire(import.meta.url)('re2js') as typeof Engine;
  const compiled = engine.RE2JS.compile(source);
  return {
    matchesAll: (text) => compiled.testExact(text),
    occursIn: (text) => compiled.test(text),
  };
}
