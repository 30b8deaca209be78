/** Whether anything of a request may have to go: told by what is known of it already. */
import type { DialectName } from '../dialects/dialect.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { ContextBody } from '../snapshot/shapes/context.ts';

const WITH_TURNS: ReadonlySet<DialectName> = new Set([
  'openai-chat',
  'openai-responses',
  'anthropic-messages',
]);

/** Of a conversation of which the vendor keeps a part nobody here knows what belongs together. */
export function mayShorten(
  { dialect, unread, pinned, turns, inputTokens }: RequestFacts,
  { keepLast, maxTokens, summarize }: ContextBody,
): boolean {
  if (unread || pinned || !WITH_TURNS.has(dialect)) return false;
  return (
    (keepLast !== undefined && turns > keepLast) ||
    (maxTokens !== undefined && inputTokens > maxTokens) ||
    (summarize !== undefined && inputTokens > summarize.afterTokens && turns > summarize.keepLast)
  );
}
