/** What an explanation may know of budgets: a read without side effects, implemented by `limits`. */
import type { RouteBody } from '../snapshot/schema.ts';
import type { Candidate, RequestFacts, Step } from './plan.ts';

export interface SpendView {
  /** One sentence for each budget of the route, with the numbers. */
  explain(route: string, candidate: Candidate, facts: RequestFacts): string[];
}

/** Of a request that would go to `candidate` first. Without a view there is no sidecar, and nothing is spent. */
export function budgetSteps(
  route: { readonly key: string; readonly body: RouteBody | undefined },
  candidate: Candidate,
  facts: RequestFacts,
  view: SpendView | undefined,
): Step[] {
  const said = view
    ? view.explain(route.key, candidate, facts)
    : (route.body?.budgets ?? []).map(
        ({ id, enforcement, onExhausted }) =>
          `${id}: ${enforcement}, then ${onExhausted}; sidecars know what is left`,
      );
  return said.map((detail) => ({ stage: 'plan', what: 'Budget', detail }));
}
