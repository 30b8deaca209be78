/** Whether whoever gave an answer could still be asked for it: as the configuration is now, for this request. Pure. */
import { barred } from '../routing/constraints/data-policy.ts';
import { unfit } from '../routing/fit.ts';
import type { Candidate, RequestFacts } from '../routing/plan.ts';
import type { TableRule } from '../routing/table.ts';
import { candidate, modelFacts } from '../routing/target.ts';
import type { CachedAnswer } from './answer.ts';

type Giver = Pick<CachedAnswer, 'target' | 'provider' | 'model'>;

/**
 * The target; a sentence where it may not be given. Health, headroom and ceilings have no say: nothing is sent.
 */
export function permitted(giver: Giver, rule: TableRule, facts: RequestFacts): Candidate | string {
  const name = giver.target;
  const target = rule.tiers.flatMap(({ targets }) => targets).find(({ body }) => body.name === name);
  if (!target || target.body.provider !== giver.provider) return `target ${name} has gone`;
  const fallen =
    unfit(target, modelFacts(target, facts), facts) ??
    (target.provider && barred(target.provider, rule.body, facts));
  if (fallen) return `target ${name} may not answer it now: ${fallen.detail}`;
  const made = candidate(target, facts, 0);
  return made.upstreamModel === giver.model ? made : `target ${name} is another model now`;
}
