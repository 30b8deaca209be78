/**
 * Patterns that users write: RE2 syntax, run in linear time, so that no pattern can freeze a pod. The engine is loaded when
 * the first pattern comes along, and synchronously: a snapshot is judged and swapped in one turn.
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

/** A bundler replaces the plain `require` by what it bundled; sources run as modules, where there is none. */
function loadEngine(): typeof Engine {
  return typeof require === 'undefined'
    ? (createRequire(import.meta.url)('re2js') as typeof Engine)
    : (require('re2js') as typeof Engine);
}

/** Throws an Error that says what is wrong with the pattern; back-references and look-around are not RE2. */
export function compilePattern(source: string): Pattern {
  engine ??= loadEngine();
  const compiled = engine.RE2JS.compile(source);
  return {
    matchesAll: (text) => compiled.testExact(text),
    occursIn: (text) => compiled.test(text),
  };
}
