/** Which models must be asked before rules can be matched: those whose answer a rule that may still be the first needs. */
import type { AskedSignal } from '../signals/signals.ts';
import { PromptText } from './match-clauses.ts';
import { noteLabel } from './match-rule.ts';
import type { RequestFacts } from './plan.ts';
import type { TableRoute } from './table.ts';

const NONE: readonly AskedSignal[] = [];

/** In no order; empty: rules can be matched at once. */
export function askedSignals(route: TableRoute, facts: RequestFacts): readonly AskedSignal[] {
  if (!route.asks || facts.unread) return NONE;
  noteLabel(route, facts);
  const text = new PromptText(facts);
  const needed = new Set<AskedSignal>();
  for (const rule of route.rules) {
    if (rule.matches.length === 0) break;
    let taken = false;
    for (const match of rule.matches) {
      // What needs no model may rule the entry out.
      if (!match.every((clause) => clause.asks || clause.holds(facts, text))) continue;
      const asks = match.flatMap((clause) => clause.asks ?? []);
      if (asks.length === 0) taken = true;
      for (const one of asks) needed.add(one);
    }
    // Whatever models say, no later rule is reached.
    if (taken) break;
  }
  return [...needed];
}
