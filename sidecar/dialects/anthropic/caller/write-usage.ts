/** Usage as the Messages API gives it: input without what the cache served and took, output with all thinking. */
import type { Usage } from '../../../accounting/usage.ts';
import { type JsonText, json, object } from '../../json/write.ts';

/** Undefined: the vendor has said nothing yet; clients want numbers all the same. */
export function writeUsage(usage: Usage | undefined, serviceTier?: string): JsonText {
  const hour = usage?.cacheWrite1h ?? 0;
  const short = usage?.cacheWrite5m ?? 0;
  const split = { ephemeral_5m_input_tokens: json(short), ephemeral_1h_input_tokens: json(hour) };
  const reasoning = usage?.reasoning ?? 0;
  return object({
    input_tokens: json((usage?.input ?? 0) + (usage?.audioInput ?? 0)),
    cache_creation_input_tokens: json(short + hour),
    cache_read_input_tokens: json(usage?.cacheRead ?? 0),
    cache_creation: short + hour > 0 ? object(split) : undefined,
    output_tokens: json((usage?.output ?? 0) + reasoning + (usage?.audioOutput ?? 0)),
    output_tokens_details: reasoning > 0 ? object({ thinking_tokens: json(reasoning) }) : undefined,
    service_tier: tierOf(serviceTier),
  });
}

const TIERS: ReadonlyMap<string, string> = new Map([
  ['default', 'standard'],
  ['standard', 'standard'],
  ['auto', 'standard'],
  ['priority', 'priority'],
  ['batch', 'batch'],
]);

function tierOf(tier: string | undefined): JsonText | undefined {
  const word = tier === undefined ? undefined : TIERS.get(tier);
  return word === undefined ? undefined : json(word);
}
