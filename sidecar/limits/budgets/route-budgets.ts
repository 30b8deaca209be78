/** The budgets of a route, made ready once. */
import type { RouteBody } from '../../snapshot/schema.ts';
import type { BudgetBody } from '../../snapshot/shapes/budgets.ts';
import type { Entry } from './entry.ts';
import { fixedKey, isPerAttempt, type PodIdentity } from './keys.ts';

export interface RouteBudget {
  readonly body: BudgetBody;
  readonly strict: boolean;
  /** Requests may go on when it is used up. */
  readonly soft: boolean;
  /** Another target may have another key. */
  readonly perAttempt: boolean;
  /** Whoever writes the route may let through what cannot be measured: the budget is of the same namespace. */
  readonly own: boolean;
  readonly allowUpTo: bigint;
  /** Undefined: it depends on the request. */
  readonly fixed: string | undefined;
  /** Of the fixed key, once it is there. */
  entry: Entry | undefined;
}

export function routeBudgets({ namespace, budgets = [] }: RouteBody, pod: PodIdentity): RouteBudget[] {
  return budgets.map((body) => ({
    body,
    strict: body.enforcement === 'Strict',
    soft: body.onExhausted === 'Warn',
    perAttempt: isPerAttempt(body),
    own: body.id.split('/')[1] === namespace,
    allowUpTo: BigInt(body.allowUpTo),
    fixed: fixedKey(body.key, pod),
    entry: undefined,
  }));
}

/** By which rows of the route are told apart: the first budget that tells more than namespaces apart. */
export const labelled = (budgets: readonly RouteBudget[]): RouteBudget | undefined =>
  budgets.find(({ body }) => body.key.some(({ by }) => by !== 'Namespace'));
