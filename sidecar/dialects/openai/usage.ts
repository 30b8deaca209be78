/**
 * Usage of the OpenAI family in its normal form. Its prompt count includes cached and audio tokens, its completion count
 * includes reasoning and audio; vendors that imitate it differ in names and, at times, in arithmetic.
 */
import type { Usage } from '../../accounting/usage.ts';

type Json = Record<string, unknown>;

/** More than this in one field is no token count. */
const MAX_TOKENS = 1_000_000_000;

/** Undefined where `raw` holds no token count at all. Inconsistent parts are clamped to the total they belong to. */
export function readUsage(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const prompt = count(raw.prompt_tokens) ?? count(raw.input_tokens);
  const completion = count(raw.completion_tokens) ?? count(raw.output_tokens);
  const total = count(raw.total_tokens);
  if (prompt === undefined && completion === undefined && total === undefined) return undefined;
  const input = prompt ?? Math.max(0, (total ?? 0) - (completion ?? 0));
  let output = completion ?? Math.max(0, (total ?? 0) - input);

  const inputDetails = object(raw.prompt_tokens_details) ?? object(raw.input_tokens_details);
  const outputDetails = object(raw.completion_tokens_details) ?? object(raw.output_tokens_details);
  const cached =
    count(inputDetails?.cached_tokens) ?? count(raw.prompt_cache_hit_tokens) ?? count(raw.cached_tokens) ?? 0;
  const reasoning = count(outputDetails?.reasoning_tokens) ?? count(raw.reasoning_tokens) ?? 0;
  // Some vendors count reasoning beside the completion; their own total gives them away.
  if (reasoning > 0 && total !== undefined && total === input + output + reasoning) output += reasoning;

  const cacheRead = Math.min(cached, input);
  const audioInput = Math.min(count(inputDetails?.audio_tokens) ?? 0, input - cacheRead);
  const reasoningPart = Math.min(reasoning, output);
  const audioOutput = Math.min(count(outputDetails?.audio_tokens) ?? 0, output - reasoningPart);
  return {
    input: input - cacheRead - audioInput,
    cacheRead,
    audioInput,
    output: output - reasoningPart - audioOutput,
    reasoning: reasoningPart,
    audioOutput,
  };
}

function count(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(Math.max(0, Math.round(value)), MAX_TOKENS);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown): Json | undefined {
  return isObject(value) ? value : undefined;
}
