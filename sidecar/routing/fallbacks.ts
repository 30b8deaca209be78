/** Targets that failures go on to by lists of their own, those without traffic of their own included. */
import type { FailureClass, RuleBody } from '../snapshot/schema.ts';
import type { TableTarget } from './target.ts';

/** Failures after which the target is tried by a list; empty: none. */
export function listedFor({ body }: TableTarget, { failover }: RuleBody): FailureClass[] {
  const lists = failover.to ?? [];
  return lists.flatMap(({ on, targets }) => (targets.includes(body.name) ? on : []));
}

/** The sentence about a target of weight 0. */
export function reserveDetail(classes: readonly FailureClass[]): string {
  return `weight 0 takes no traffic but what fails elsewhere with ${classes.join(', ')}`;
}
