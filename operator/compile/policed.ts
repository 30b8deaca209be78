/** PURE: a route as the policies over it make it: their defaults where it is silent, their requirements where they are stricter. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import { unmetDemand } from '../../sidecar/snapshot/data-demand.ts';
import type { BudgetBody } from '../../sidecar/snapshot/shapes/budgets.ts';
import type { DataPolicyBody } from '../../sidecar/snapshot/shapes/constraints.ts';
import type { RateLimitBody } from '../../sidecar/snapshot/shapes/rate-limits.ts';
import { days } from './constraints.ts';
import { type PolicyDefaults, withDefaults } from './policy-defaults.ts';
import { capOf, keptOutBy, noPlaceFor, type Required, requiredBy, withRequired } from './policy-overrides.ts';
import type { PolicySource } from './policy-source.ts';
import type { ProviderSource } from './provider-index.ts';
import { policyRateLimits } from './rate-limits.ts';
import type { RouteSource } from './route-source.ts';

export interface Policed {
  /** The route's own where no policy says anything. */
  spec: LLMRouteSpec;
  /** Policy behind each value that is not the route's own, by path such as `spec.rules[0].timeouts.connect`. */
  origins: ReadonlyMap<string, string>;
  required: Required;
  /** Why a rule can have no target, by its place; undefined: it can. */
  closed: readonly (string | undefined)[];
  /** Of the policies, besides those of the route. */
  budgets: readonly BudgetBody[];
  /** Of the policies, besides those of each rule. */
  rateLimits: readonly RateLimitBody[];
}

/** Why a rule of the route, or a signal where there is no rule, may not use a provider; undefined: it may. */
export function notAllowed(
  { required, closed }: Policed,
  rule: number | undefined,
  provider: ProviderSource,
  dataPolicy: DataPolicyBody | undefined,
): string | undefined {
  const why = rule === undefined ? noPlaceFor(undefined, required) : closed[rule];
  if (why !== undefined) return why;
  const policy = keptOutBy(required, provider);
  // Requests that a signal or a summary makes have no rule whose constraints would hold for them.
  if (policy === undefined) return rule === undefined ? unmetBy(required, provider, dataPolicy) : undefined;
  return `policy ${policy} does not allow provider ${provider.namespace}/${provider.name}`;
}

function unmetBy(
  { residency, retention, training }: Required,
  { namespace, name }: ProviderSource,
  dataPolicy: DataPolicyBody | undefined,
): string | undefined {
  const demand = {
    ...(residency && { residency: residency.value }),
    ...(retention && { retentionDays: days(retention.value) }),
    ...(training && { training: training.value }),
  };
  const unmet = unmetDemand(dataPolicy, demand, 'policy');
  if (unmet === undefined) return undefined;
  const policies = [residency, retention, training].flatMap((from) => from?.policy ?? []);
  return `provider ${namespace}/${name} ${unmet} (${[...new Set(policies)].join(', ')})`;
}

const known = new WeakMap<RouteSource, { policies: readonly PolicySource[]; policed: Policed }>();

/** @param policies that are valid, as `PolicyIndex.over` orders them */
export function underPolicies(
  source: RouteSource,
  spec: LLMRouteSpec,
  policies: readonly PolicySource[],
): Policed {
  const last = known.get(source);
  if (last && samePolicies(last.policies, policies)) return last.policed;
  const policed = makePoliced(spec, policies);
  known.set(source, { policies, policed });
  return policed;
}

export const samePolicies = (a: readonly PolicySource[], b: readonly PolicySource[]): boolean =>
  a === b || (a.length === b.length && a.every((policy, i) => policy === b[i]));

const UNPOLICED: Omit<Policed, 'spec'> = {
  origins: new Map(),
  required: requiredBy([]),
  closed: [],
  budgets: [],
  rateLimits: [],
};

export function makePoliced(spec: LLMRouteSpec, policies: readonly PolicySource[]): Policed {
  // Of its own for each route, as what is made of it is remembered with it.
  if (policies.length === 0) return { ...UNPOLICED, spec };
  const origins = new Map<string, string>();
  const required = requiredBy(policies);
  const defaults = policies.flatMap(({ key, parsed }): [string, PolicyDefaults][] =>
    parsed.ok && parsed.spec.defaults ? [[key, parsed.spec.defaults]] : [],
  );
  const budgets = policies.flatMap((policy) => policy.budgets);
  const rateLimits = policies.flatMap(({ key, parsed }) =>
    parsed.ok ? policyRateLimits(key, parsed.spec.overrides?.rateLimits) : [],
  );
  const rules = spec.rules.map((rule, i) => {
    const path = `spec.rules[${i}]`;
    const filled = defaults.reduce(
      (made, [policy, unset]) => withDefaults(made, unset, path, (at) => origins.set(at, policy)),
      rule,
    );
    const constraints = withRequired(rule.constraints, required, (member, policy) =>
      origins.set(`${path}.constraints.${member}`, policy),
    );
    const cap = capOf(rule.maxOutputTokens, required);
    if (cap) origins.set(`${path}.maxOutputTokens`, cap.policy);
    return {
      ...filled,
      ...(constraints && { constraints }),
      ...(cap && { maxOutputTokens: cap.value }),
    };
  });
  return {
    spec: { ...spec, rules },
    origins,
    required,
    closed: spec.rules.map((rule) => noPlaceFor(rule.constraints, required)),
    budgets,
    rateLimits,
  };
}
