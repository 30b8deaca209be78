/** Usage in OpenAI's form: the prompt count includes what was cached, the completion count includes reasoning. */
import type { Usage } from '../../../accounting/usage.ts';
import { type JsonText, json, object } from '../../json/write.ts';

export function promptTokens(usage: Usage): number {
  return usage.input + usage.cacheRead + cacheWrites(usage) + usage.audioInput;
}

export function completionTokens(usage: Usage): number {
  return usage.output + usage.reasoning + usage.audioOutput;
}

export function cacheWrites({ cacheWrite5m = 0, cacheWrite1h = 0 }: Usage): number {
  return cacheWrite5m + cacheWrite1h;
}

export function writeUsage(usage: Usage): JsonText {
  const prompt = promptTokens(usage);
  const completion = completionTokens(usage);
  const writes = cacheWrites(usage);
  return object({
    prompt_tokens: json(prompt),
    completion_tokens: json(completion),
    total_tokens: json(prompt + completion),
    prompt_tokens_details: object({
      cached_tokens: json(usage.cacheRead),
      cache_write_tokens: writes === 0 ? undefined : json(writes),
      audio_tokens: json(usage.audioInput),
    }),
    completion_tokens_details: object({
      reasoning_tokens: json(usage.reasoning),
      audio_tokens: json(usage.audioOutput),
    }),
  });
}
