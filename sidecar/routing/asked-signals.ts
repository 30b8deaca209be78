/** Which models must be asked before rules can be matched: those whose answer a rule that may still be the first needs. */
import type { AskedSignal } from '../signals/signals.ts';
import type { ConstraintsBody } from '../snapshot/shapes/constraints.ts';
import { PromptText, type TableMatch } from './match-clauses.ts';
import { noteLabel } from './match-rule.ts';
import type { RequestFacts } from './plan.ts';
import type { TableRoute, TableRule } from './table.ts';

const NONE: readonly AskedSignal[] = [];

/** In no order; empty: rules can be matched at once. */
export function askedSignals(route: TableRoute, facts: RequestFacts): readonly AskedSignal[] {
  if (!route.asks || facts.unread) return NONE;
  const needed = new Set<AskedSignal>();
  for (const { open } of possibleRules(route, facts)) {
    for (const match of open) for (const { asks } of match) if (asks) needed.add(asks);
  }
  return [...needed];
}

/** What is demanded of whoever may see the request, by the rules that may still be the first. */
export function possibleDemands(route: TableRoute, facts: RequestFacts): ConstraintsBody[] {
  return possibleRules(route, facts).flatMap(({ rule }) => rule.body.constraints ?? []);
}

interface Possible {
  rule: TableRule;
  /** Entries of its matches that may hold. */
  open: readonly TableMatch[];
}

function possibleRules(route: TableRoute, facts: RequestFacts): Possible[] {
  noteLabel(route, facts);
  const text = new PromptText(facts);
  const possible: Possible[] = [];
  for (const rule of route.rules) {
    // What needs no model may rule an entry out.
    const open = rule.matches.filter((match) =>
      match.every((clause) => clause.asks || clause.holds(facts, text)),
    );
    const always = rule.matches.length === 0;
    if (always || open.length > 0) possible.push({ rule, open });
    // Whatever models say, no later rule is reached.
    if (always || open.some((match) => match.every(({ asks }) => !asks))) break;
  }
  return possible;
}
