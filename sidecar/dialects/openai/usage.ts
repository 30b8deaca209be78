/**
 * Usage of the OpenAI family in its normal form. Its prompt count includes cached and audio tokens, its completion count
 * includes reasoning and audio; vendors that imitate it differ in names and, at times, in arithmetic.
 */
import type { Usage } from '../../accounting/usage.ts';
import { isObject, type Json, tokensOf } from '../json/parsed.ts';

/** Undefined where `raw` holds no token count at all. Inconsistent parts are clamped to the total they belong to. */
export function readUsage(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const prompt = tokensOf(raw.prompt_tokens) ?? tokensOf(raw.input_tokens);
  const completion = tokensOf(raw.completion_tokens) ?? tokensOf(raw.output_tokens);
  const total = tokensOf(raw.total_tokens);
  if (prompt === undefined && completion === undefined && total === undefined) return undefined;
  const input = prompt ?? Math.max(0, (total ?? 0) - (completion ?? 0));
  let output = completion ?? Math.max(0, (total ?? 0) - input);

  const inputDetails = object(raw.prompt_tokens_details) ?? object(raw.input_tokens_details);
  const outputDetails = object(raw.completion_tokens_details) ?? object(raw.output_tokens_details);
  const cached =
    tokensOf(inputDetails?.cached_tokens) ??
    tokensOf(raw.prompt_cache_hit_tokens) ??
    tokensOf(raw.cached_tokens) ??
    0;
  const reasoning = tokensOf(outputDetails?.reasoning_tokens) ?? tokensOf(raw.reasoning_tokens) ?? 0;
  // Some vendors count reasoning beside the completion; their own total gives them away.
  if (reasoning > 0 && total !== undefined && total === input + output + reasoning) output += reasoning;

  const cacheRead = Math.min(cached, input);
  const audioInput = Math.min(tokensOf(inputDetails?.audio_tokens) ?? 0, input - cacheRead);
  const reasoningPart = Math.min(reasoning, output);
  const audioOutput = Math.min(tokensOf(outputDetails?.audio_tokens) ?? 0, output - reasoningPart);
  return {
    input: input - cacheRead - audioInput,
    cacheRead,
    audioInput,
    output: output - reasoningPart - audioOutput,
    reasoning: reasoningPart,
    audioOutput,
  };
}

function object(value: unknown): Json | undefined {
  return isObject(value) ? value : undefined;
}
