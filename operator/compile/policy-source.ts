/** Policies, and which routes they are for, in the order in which they count. */
import type { LLMPolicy, LLMPolicySpec } from '../../crds/llmpolicy.ts';
import { llmPolicy } from '../../crds/llmpolicy.ts';
import { budgets as checkBudgets } from '../../sidecar/snapshot/checks/budgets.ts';
import { rateLimits as checkRateLimits } from '../../sidecar/snapshot/checks/rate-limits.ts';
import type { BudgetBody } from '../../sidecar/snapshot/shapes/budgets.ts';
import { budgetBody, effectiveBudgets } from './budgets.ts';
import { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';
import type { Namespaces } from './namespaces.ts';
import { once } from './once.ts';
import { type Parsed, parseSpec } from './parse.ts';
import { inResourceWords } from './problems.ts';
import { compare } from './provider-index.ts';
import { policyRateLimits } from './rate-limits.ts';
import { INVALID } from './reasons.ts';
import type { RouteSource } from './route-source.ts';
import { selects } from './selectors.ts';
import { outlinePolicy, type PolicyOutline } from './unparsed.ts';

export interface PolicySource {
  object: LLMPolicy;
  namespace: string;
  name: string;
  /** `namespace/name`. */
  key: string;
  parsed: Parsed<LLMPolicySpec>;
  outline: PolicyOutline;
  /** In the order of the spec. */
  budgets: readonly BudgetBody[];
}

export interface PolicyIndex {
  /** Sorted by namespace, then name. */
  readonly sources: readonly PolicySource[];
  /** Those that the route is under, the one whose defaults count first before the others. */
  over(route: Pick<RouteSource, 'namespace' | 'name'>): readonly PolicySource[];
  /** Whether the policy is for routes of the namespace, if it is for any. */
  isFor(policy: PolicySource, namespace: string): boolean;
}

export function indexPolicies(objects: readonly LLMPolicy[], namespaces: Namespaces): PolicyIndex {
  const sources = objects.map(policySource).sort((a, b) => compare(a.key, b.key));
  const isFor = (policy: PolicySource, namespace: string): boolean =>
    policy.namespace === namespace ||
    (policy.outline.namespaceSelector !== undefined &&
      namespaces.isPlatform(policy.namespace) &&
      selects(policy.outline.namespaceSelector, namespaces.labels(namespace)));
  return {
    sources,
    isFor,
    over({ namespace, name }) {
      if (sources.length === 0) return NONE;
      const found = sources.filter(
        (policy) => isFor(policy, namespace) && (policy.outline.routes?.includes(name) ?? true),
      );
      return found.sort((a, b) => order(a, b, namespace));
    },
  };
}

const NONE: readonly PolicySource[] = [];

/** The namespace's own before the platform's, one that names routes before one for all, an older before a newer one. */
function order(a: PolicySource, b: PolicySource, namespace: string): number {
  const rank = (policy: PolicySource) =>
    (policy.namespace === namespace ? 0 : 2) + (policy.outline.routes ? 0 : 1);
  return rank(a) - rank(b) || createdAt(a) - createdAt(b) || compare(a.key, b.key);
}

function createdAt({ object }: PolicySource): number {
  const created = Date.parse(object.metadata.creationTimestamp ?? '');
  return Number.isFinite(created) ? created : 0;
}

const sources = new WeakMap<LLMPolicy, PolicySource>();

const policySource = (object: LLMPolicy): PolicySource =>
  once(sources, object, () => {
    const { namespace = '', name } = object.metadata;
    const key = `${namespace}/${name}`;
    const read = parseSpec(llmPolicy, object);
    const budgets = read.ok
      ? effectiveBudgets(read.spec.budgets, 'spec.budgets', new Filler()).map((budget) =>
          budgetBody(`policy/${key}`, budget),
        )
      : [];
    const wrong = read.ok
      ? (budgetProblem(budgets) ?? backoffProblem(read.spec) ?? rateLimitProblem(key, read.spec))
      : undefined;
    const parsed = wrong === undefined ? read : { ok: false as const, reason: INVALID, message: wrong };
    return { object, namespace, name, key, parsed, outline: outlinePolicy(object.spec), budgets };
  });

/** What would make every route under the policy invalid is a mistake of the policy. */
function budgetProblem(budgets: readonly BudgetBody[]): string | undefined {
  const problem = budgets.length > 0 ? checkBudgets(budgets, 'spec.budgets') : undefined;
  return problem === undefined ? undefined : inResourceWords(problem);
}

function rateLimitProblem(key: string, { defaults, overrides }: LLMPolicySpec): string | undefined {
  for (const [member, limits] of Object.entries({ defaults, overrides })) {
    const bodies = policyRateLimits(key, limits?.rateLimits);
    const problem = bodies.length > 0 ? checkRateLimits(bodies, `spec.${member}.rateLimits`) : undefined;
    if (problem !== undefined) return inResourceWords(problem);
  }
  return undefined;
}

function backoffProblem({ defaults }: LLMPolicySpec): string | undefined {
  const { base, max } = defaults?.failover?.backoff ?? {};
  if (base === undefined || max === undefined || milliseconds(base) <= milliseconds(max)) return undefined;
  return `spec.defaults.failover.backoff.base is ${base}, more than max ${max}`;
}
