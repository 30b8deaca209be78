/** Budgets as the operator watches them: who is told of what is spent, and at which percentages. */
import type { LLMPolicySpec } from '../../crds/llmpolicy.ts';
import type { BudgetBody } from '../../sidecar/snapshot/shapes/budgets.ts';
import type { Budget } from './budgets.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Namespaces } from './namespaces.ts';
import type { PolicySource } from './policy-source.ts';

export type Webhook = NonNullable<LLMPolicySpec['alerts']>['webhook'];

export interface WatchedBudget {
  owner: { kind: 'LLMRoute' | 'LLMPolicy'; namespace: string; name: string; uid: string };
  /** Of the budget, among those of its owner. */
  name: string;
  body: BudgetBody;
  /** Percentages, rising. */
  alertAt: readonly number[];
  /** Only of policies in platform namespaces. */
  webhook?: Webhook;
}

export function watchedBudgets(
  routes: readonly CompiledRoute[],
  policies: readonly PolicySource[],
  namespaces: Namespaces,
): WatchedBudget[] {
  return [
    ...policies.flatMap((policy): WatchedBudget[] => {
      const { parsed, budgets } = policy;
      if (!parsed.ok) return [];
      const webhook = namespaces.isPlatform(policy.namespace) ? parsed.spec.alerts?.webhook : undefined;
      return watched('LLMPolicy', policy, parsed.spec.budgets, budgets, webhook);
    }),
    ...routes.flatMap(({ source, item }): WatchedBudget[] => {
      if (!source.parsed.ok || !source.parsed.spec.budgets) return [];
      return watched('LLMRoute', source, source.parsed.spec.budgets, item.body?.budgets ?? []);
    }),
  ];
}

function watched(
  kind: WatchedBudget['owner']['kind'],
  {
    namespace,
    name,
    object,
  }: Pick<PolicySource, 'namespace' | 'name'> & { object: { metadata: { uid?: string } } },
  specs: readonly Budget[] | undefined,
  bodies: readonly BudgetBody[],
  webhook?: Webhook,
): WatchedBudget[] {
  const owner = { kind, namespace, name, uid: object.metadata.uid ?? `${namespace}/${name}` };
  // The bodies of a route begin with its own, in the order of the spec.
  return (specs ?? []).flatMap((spec, i) => {
    const body = bodies[i];
    if (!body) return [];
    const alertAt = [...(spec.alertAt ?? [])].sort((a, b) => a - b);
    return [{ owner, name: spec.name, body, alertAt, ...(webhook && { webhook }) }];
  });
}
