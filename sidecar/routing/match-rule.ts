/** The first rule of a route that matches. Every rule passed over leaves the clause that failed. */
import { OutriderError } from '../../errors/table.ts';
import { PromptText, type TableMatch } from './match-clauses.ts';
import type { RequestFacts, Step } from './plan.ts';
import type { TableRoute, TableRule } from './table.ts';

export interface Matched {
  rule: TableRule;
  ruleIndex: number;
  steps: Step[];
  error?: undefined;
}

export interface Unmatched {
  rule?: undefined;
  steps: Step[];
  error: OutriderError;
}

/** Steps are shared between requests: they name the clause, never what the request carried. */
export function matchRule(route: TableRoute, facts: RequestFacts): Matched | Unmatched {
  const steps: Step[] = [];
  const text = new PromptText(facts);
  for (let ruleIndex = 0; ruleIndex < route.rules.length; ruleIndex++) {
    const rule = route.rules[ruleIndex] as TableRule;
    if (matches(rule, facts, text, steps)) {
      steps.push(rule.taken);
      return { rule, ruleIndex, steps };
    }
  }
  const params = { route: route.key, model: facts.askedModel ?? '' };
  return { steps, error: new OutriderError('no_rule_matched', params) };
}

/** Adds to `steps` the clause that failed, one per entry of the rule's matches. */
export function matches(rule: TableRule, facts: RequestFacts, text: PromptText, steps: Step[]): boolean {
  if (rule.matches.length === 0) return true;
  for (const match of rule.matches) {
    const failed = failedClause(match, facts, text);
    if (!failed) return true;
    steps.push(failed);
  }
  return false;
}

function failedClause(match: TableMatch, facts: RequestFacts, text: PromptText): Step | undefined {
  for (const clause of match) {
    if ((clause.readsBody && facts.unread) || !clause.holds(facts, text)) return clause.failed;
  }
  return undefined;
}
