/** PURE: budgets in the status of a route or a policy. */
import type { LLMPolicyStatus } from '../../crds/llmpolicy.ts';

export type BudgetStatuses = NonNullable<LLMPolicyStatus['budgets']>;
interface Holder {
  budgets?: BudgetStatuses | undefined;
}

/** `known`: undefined while nothing is known of spend; then what was written stays. */
export function budgetsOf(known: BudgetStatuses | undefined, previous: Holder | undefined): Holder {
  const budgets = known ?? previous?.budgets ?? [];
  return budgets.length > 0 ? { budgets } : {};
}

/** In one order of members, whatever the API server made of them. */
export const normalBudgets = (budgets: BudgetStatuses | undefined): unknown =>
  budgets?.map(({ name, key, window, spent, amount, percent }) => [
    name,
    key,
    window,
    spent,
    amount,
    percent,
  ]);
