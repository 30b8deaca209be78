/**
 * `usage` of chat, and `meta` of embed and rerank, in the normal form. Billed units are what is paid for; plain token counts
 * include the vendor's own prompt around the caller's.
 */
import { NO_USAGE, type Usage } from '../../accounting/usage.ts';
import { isObject, tokensOf } from '../json/parsed.ts';

export function readUsage(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const billed = isObject(raw.billed_units) ? raw.billed_units : undefined;
  const tokens = isObject(raw.tokens) ? raw.tokens : undefined;
  if (billed === undefined && tokens === undefined) return undefined;
  const texts = tokensOf(billed?.input_tokens) ?? tokensOf(tokens?.input_tokens);
  const images = tokensOf(billed?.image_tokens);
  const output = tokensOf(billed?.output_tokens) ?? tokensOf(tokens?.output_tokens);
  const units = tokensOf(billed?.search_units);
  if (texts === undefined && images === undefined && output === undefined && units === undefined)
    return undefined;
  const input = (texts ?? 0) + (images ?? 0);
  const cacheRead = Math.min(tokensOf(raw.cached_tokens) ?? 0, input);
  const usage: Usage = { ...NO_USAGE, input: input - cacheRead, cacheRead, output: output ?? 0 };
  // A hundred documents or a part of them are one search, which is billed as a request.
  if (units !== undefined && units > 1) usage.requests = units;
  return usage;
}
