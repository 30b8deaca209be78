/** Looks into values that JSON.parse gave, which may be anything. */

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** As `textOf`, but undefined for the empty string too. */
export function wordsOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** More than this in one field is no token count. */
const MAX_TOKENS = 1_000_000_000;

/** A whole number of tokens, whatever number stands there; undefined where none does. */
export function tokensOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(Math.max(0, Math.round(value)), MAX_TOKENS);
}
