/** `usage` in its normal form. Input excludes what the cache gave and took; output includes reasoning, of which no count is given. */
import { NO_USAGE, type Usage } from '../../accounting/usage.ts';
import { isObject, tokensOf } from '../json/parsed.ts';

export function readUsage(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const input = tokensOf(raw.inputTokens);
  const output = tokensOf(raw.outputTokens);
  if (input === undefined && output === undefined) return undefined;
  const written = tokensOf(raw.cacheWriteInputTokens) ?? 0;
  const hour = Math.min(hourOf(raw.cacheDetails), written);
  const usage: Usage = {
    ...NO_USAGE,
    input: input ?? 0,
    cacheRead: tokensOf(raw.cacheReadInputTokens) ?? 0,
    output: output ?? 0,
  };
  if (written > hour) usage.cacheWrite5m = written - hour;
  if (hour > 0) usage.cacheWrite1h = hour;
  return usage;
}

/** `[{ttl: "1h", inputTokens: 10}, {ttl: "5m", inputTokens: 5}]`; without them all was written for five minutes. */
function hourOf(details: unknown): number {
  if (!Array.isArray(details)) return 0;
  let sum = 0;
  for (const entry of details as unknown[]) {
    if (isObject(entry) && entry.ttl === '1h') sum += tokensOf(entry.inputTokens) ?? 0;
  }
  return sum;
}
