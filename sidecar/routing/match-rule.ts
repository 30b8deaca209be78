/** The first rule of a route that matches. Every rule passed over leaves the clause that failed. */
import { OutriderError } from '../../errors/table.ts';
import { classificationOf } from '../signals/classification.ts';
import { type Clause, PromptText, type TableMatch } from './match-clauses.ts';
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

/** Steps are shared between requests, but for what signals said: they name the clause, never what the request carried. */
export function matchRule(route: TableRoute, facts: RequestFacts): Matched | Unmatched {
  const steps: Step[] = [];
  const text = new PromptText(facts);
  noteLabel(route, facts);
  for (let ruleIndex = 0; ruleIndex < route.rules.length; ruleIndex++) {
    const rule = route.rules[ruleIndex] as TableRule;
    const match = matches(rule, facts, text, steps);
    if (match) {
      steps.push(takenStep(rule, match, facts));
      facts.signals?.release();
      return { rule, ruleIndex, steps };
    }
  }
  facts.signals?.release();
  const params = { route: route.key, model: facts.askedModel ?? '' };
  return { steps, error: new OutriderError('no_rule_matched', params) };
}

/** Reads the label of the request, where the route says where it stands. */
export function noteLabel({ body }: TableRoute, facts: RequestFacts): void {
  if (body?.classification) facts.classification = classificationOf(body.classification, facts);
}

const ALWAYS: TableMatch = [];

/** The entry that matches. Adds to `steps` the clause that failed, one per entry of the rule's matches. */
export function matches(
  rule: TableRule,
  facts: RequestFacts,
  text: PromptText,
  steps: Step[],
): TableMatch | undefined {
  if (rule.matches.length === 0) return ALWAYS;
  for (const match of rule.matches) {
    const failed = failedClause(match, facts, text);
    if (!failed) return match;
    steps.push(failed.said && !facts.unread ? withSaid(failed.failed, failed.said(facts)) : failed.failed);
  }
  return undefined;
}

function failedClause(match: TableMatch, facts: RequestFacts, text: PromptText): Clause | undefined {
  for (const clause of match) {
    if ((clause.readsBody && facts.unread) || !clause.holds(facts, text)) return clause;
  }
  return undefined;
}

/** What the signals said that the entry asked. */
function takenStep(rule: TableRule, match: TableMatch, facts: RequestFacts): Step {
  if (!rule.asksSignals) return rule.taken;
  const said = match.flatMap((clause) => (clause.said ? [clause.said(facts)] : []));
  return said.length === 0 ? rule.taken : withSaid(rule.taken, said.join('; '));
}

const withSaid = (step: Step, said: string): Step => ({ ...step, detail: `${step.detail}: ${said}` });
