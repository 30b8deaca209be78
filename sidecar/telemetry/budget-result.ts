/** What a budget had to do with a request, as one word of a fixed list. */
import type { BudgetNote, Exchange } from '../exchange.ts';

/** By code of the error table. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['budget_exhausted', 'Exhausted'],
  ['budget_unavailable', 'Unavailable'],
  ['budget_cost_unknown', 'CostUnknown'],
  ['budget_unbounded', 'CostUnknown'],
  ['budget_unmetered', 'Unmetered'],
]);
const LET_THROUGH: ReadonlySet<BudgetNote['what']> = new Set(['Overdrawn', 'Allowed', 'Cheapest']);

/** Waited: for a lease, and got it. PassedOver: another target had headroom. */
export function budgetResult({ what, waitedMs }: BudgetNote, { outcome }: Pick<Exchange, 'outcome'>): string {
  const refused = REFUSED.get(outcome?.errorCode ?? '');
  if (refused !== undefined) return refused;
  if (LET_THROUGH.has(what)) return what;
  return waitedMs === undefined ? 'PassedOver' : 'Waited';
}
