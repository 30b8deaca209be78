/** Facts of a request of which something is sent otherwise than it came. What rules have asked of it stays as it was told. */
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { ParseBudget } from '../limits/parse-budget.ts';
import { buildFacts } from '../routing/facts.ts';
import type { RequestFacts } from '../routing/plan.ts';

export interface Sent {
  method: string;
  path: string;
  rawHeaders: readonly string[];
  dialect: Dialect;
  envelope: Envelope;
  parse?: Pick<ParseBudget, 'run'>;
}

/** `prefix`: a conversation is known by how it began, whatever of that is still sent. */
export function factsAgain(before: RequestFacts, sent: Sent, prefix = false): RequestFacts {
  const facts = buildFacts(sent);
  facts.classification = before.classification;
  if (before.signals) facts.signals = before.signals;
  if (prefix) {
    const began = before.promptPrefix?.();
    facts.promptPrefix = () => began;
  }
  return facts;
}
