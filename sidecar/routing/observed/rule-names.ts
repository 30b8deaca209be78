/** Names of rules across routes and configurations, for what is learned per rule. */
import type { RuleBody } from '../../snapshot/schema.ts';

const names = new WeakMap<RuleBody, string>();

export function nameRule(rule: RuleBody, route: string): void {
  names.set(rule, `${route} ${rule.name}`);
}

/** The same after a change of configuration; a rule that no table has named goes by its own name. */
export const ruleName = (rule: RuleBody): string => names.get(rule) ?? rule.name;
