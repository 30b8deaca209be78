/** A route as it is in force, in the words of the resource, and the policy behind each value that is not its own. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import { type EffectiveBudget, effectiveBudgets } from './budgets.ts';
import { Filler } from './defaults.ts';
import { type EffectiveRouteSpec, effectiveRoute } from './effective-route.ts';
import { makePoliced } from './policed.ts';
import type { PolicySource } from './policy-source.ts';

export interface EffectiveUnder {
  /** With the budgets of policies behind its own, and the providers that all of them allow as `namespace/name`. */
  spec: EffectiveRouteSpec & { allowedProviders?: string[] };
  /** Paths that were unset everywhere. */
  defaulted: string[];
  /** By path, such as `spec.rules[0].timeouts.connect`: `namespace/name` of the policy. */
  policies?: Record<string, string>;
}

export function effectiveUnder(
  own: LLMRouteSpec,
  policies: readonly PolicySource[],
  keys?: Parameters<typeof effectiveRoute>[1],
): EffectiveUnder {
  const { spec: filled, origins, required } = makePoliced(own, policies);
  const { spec, defaulted } = effectiveRoute(filled, keys);
  if (policies.length === 0) return { spec, defaulted };
  const said: Record<string, string> = Object.fromEntries(origins);
  const budgets: EffectiveBudget[] = [...(spec.budgets ?? [])];
  for (const { key, parsed } of policies) {
    if (!parsed.ok) continue;
    for (const budget of effectiveBudgets(parsed.spec.budgets, 'spec.budgets', new Filler())) {
      said[`spec.budgets[${budgets.length}]`] = key;
      budgets.push(budget);
    }
  }
  const [first, ...others] = required.allowed;
  const allowed = first && [...first.value].filter((id) => others.every(({ value }) => value.has(id))).sort();
  if (allowed) said['spec.allowedProviders'] = required.allowed.map(({ policy }) => policy).join(', ');
  return {
    spec: {
      ...spec,
      ...(budgets.length > 0 && { budgets }),
      ...(allowed && { allowedProviders: allowed.map((id) => id.slice('provider/'.length)) }),
    },
    defaulted,
    ...(Object.keys(said).length > 0 && { policies: said }),
  };
}
