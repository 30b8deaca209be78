/**
 * `usage` of chat, and `meta` of embed and rerank, in the normal form. Billed units are what is paid for; plain token counts
 * include the vendor's own prompt around the caller's.
 */
import { NO_USAGE, type Usage } from '../../accounting/usage.ts';

type Json = Record<string, unknown>;

const MAX_TOKENS = 1_000_000_000;

export function readUsage(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const billed = isObject(raw.billed_units) ? raw.billed_units : undefined;
  const tokens = isObject(raw.tokens) ? raw.tokens : undefined;
  if (billed === undefined && tokens === undefined) return undefined;
  const texts = count(billed?.input_tokens) ?? count(tokens?.input_tokens);
  const images = count(billed?.image_tokens);
  const output = count(billed?.output_tokens) ?? count(tokens?.output_tokens);
  const units = count(billed?.search_units);
  if (texts === undefined && images === undefined && output === undefined && units === undefined)
    return undefined;
  const input = (texts ?? 0) + (images ?? 0);
  const cacheRead = Math.min(count(raw.cached_tokens) ?? 0, input);
  const usage: Usage = { ...NO_USAGE, input: input - cacheRead, cacheRead, output: output ?? 0 };
  // A hundred documents or a part of them are one search, which is billed as a request.
  if (units !== undefined && units > 1) usage.requests = units;
  return usage;
}

function count(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(Math.max(0, Math.round(value)), MAX_TOKENS);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
