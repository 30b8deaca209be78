import { expect, it } from 'vitest';
import type { BudgetNote, Outcome } from '../../../sidecar/exchange.ts';
import { budgetResult } from '../../../sidecar/telemetry/budget-result.ts';

const told = (what: BudgetNote['what'], errorCode?: string, waitedMs?: number): string => {
  const note = { id: 'route/shop/a/b', what, ...(waitedMs !== undefined && { waitedMs }) };
  return budgetResult(note, { outcome: { errorCode } as Outcome });
};

it('tells what refused a request from what let it pass', () => {
  expect(told('Exhausted', 'budget_exhausted')).toBe('Exhausted');
  expect(told('CostUnknown', 'budget_unbounded')).toBe('CostUnknown');
  expect(told('Unavailable', undefined, 12)).toBe('Waited');
  expect(told('Exhausted')).toBe('PassedOver');
  expect(told('Cheapest')).toBe('Cheapest');
  expect(told('Cheapest', 'budget_exhausted')).toBe('Exhausted');
  expect(told('Allowed', 'upstream_failed')).toBe('Allowed');
});
