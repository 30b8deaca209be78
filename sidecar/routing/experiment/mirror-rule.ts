/** The rule by which copies of requests go to one target: once, behind everybody else, and to nobody but it. */
import { INTERNAL_RULES } from '../../internal/internal-rule.ts';
import type { RuleBody } from '../../snapshot/schema.ts';

/** What the rule demands of a target it demands of this one too: no copy goes where its request may not. */
export function mirrorRule(rule: RuleBody, name: string): RuleBody {
  const { experiment: _e, affinity: _a, hedge: _h, onNoTarget: _o, locality: _l, ...rest } = rule;
  const targets = rule.targets.filter((target) => target.name === name);
  const { to: _t, ...failover } = rule.failover;
  return {
    ...rest,
    name: INTERNAL_RULES.Mirror,
    matches: [],
    strategy: { type: 'Weighted' },
    // Weight 0 keeps a target free of everything else.
    targets: targets.map((target) => ({ ...target, weight: Math.max(1, target.weight), priority: 0 })),
    failover: { ...failover, on: [], maxAttempts: 1 },
    admission: { class: 'Batch', maxWaitMs: 0 },
    passthrough: [],
    statefulTarget: 0,
  };
}
