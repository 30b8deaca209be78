/**
 * Usage of the Messages API in its normal form. Its input excludes what was read from and written to the prompt cache; its
 * output includes thinking.
 */
import type { ServiceTier } from '../../accounting/service-tier.ts';
import type { Usage } from '../../accounting/usage.ts';
import type { Quirks } from '../chat-format.ts';
import { isObject, type Json, tokensOf } from '../json/parsed.ts';
import { serviceTierOf } from '../service-tier.ts';

/** A usage object has a dozen fields; one that keeps growing is no usage object. */
const MAX_FIELDS = 64;

/** Undefined where `raw` holds no token count at all. */
export function readUsage(raw: unknown, quirks?: Quirks): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const prompt = tokensOf(raw.input_tokens);
  const completion = tokensOf(raw.output_tokens);
  if (prompt === undefined && completion === undefined) return undefined;
  const cacheRead = tokensOf(raw.cache_read_input_tokens) ?? 0;
  const written = isObject(raw.cache_creation) ? raw.cache_creation : {};
  const hour = tokensOf(written.ephemeral_1h_input_tokens) ?? 0;
  const named = hour + (tokensOf(written.ephemeral_5m_input_tokens) ?? 0);
  // The split is a detail of the total; what it does not name is of the usual kind.
  const total = Math.max(named, tokensOf(raw.cache_creation_input_tokens) ?? 0);
  const output = completion ?? 0;
  const details = isObject(raw.output_tokens_details) ? raw.output_tokens_details : {};
  const reasoning = Math.min(tokensOf(details.thinking_tokens) ?? 0, output);
  const cached = quirks?.inputIncludesCache ? cacheRead + total : 0;
  const usage: Usage = {
    input: Math.max(0, (prompt ?? 0) - cached),
    cacheRead,
    audioInput: 0,
    output: output - reasoning,
    reasoning,
    audioOutput: 0,
  };
  if (total > hour) usage.cacheWrite5m = total - hour;
  if (hour > 0) usage.cacheWrite1h = hour;
  return usage;
}

/** Fast answers are billed apart, in whichever tier. */
export function serviceTier(raw: unknown): ServiceTier | undefined {
  if (!isObject(raw)) return undefined;
  return raw.speed === 'fast' ? 'Fast' : serviceTierOf(raw.service_tier);
}

/**
 * The usage of a stream so far: each event brings a snapshot of some fields, not an increment, and a field that is left out
 * or null stays as it was.
 */
export function mergeUsage(before: unknown, next: unknown): unknown {
  if (!isObject(next)) return before;
  if (!isObject(before)) return next;
  const merged: Json = { ...before };
  for (const name of Object.keys(next).slice(0, MAX_FIELDS)) {
    if (next[name] !== null) merged[name] = next[name];
  }
  return Object.keys(merged).length > MAX_FIELDS ? before : merged;
}
