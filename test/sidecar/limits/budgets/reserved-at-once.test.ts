import { expect, it } from 'vitest';
import { BudgetAccount } from '../../../../sidecar/limits/budgets/account.ts';

const lease = (granted: number) => ({
  budget: 'all',
  key: '',
  window: 1,
  endsInMs: 1e9,
  granted: String(granted),
  ttlMs: 900_000,
  term: 1,
});

/** Each attempt reserves 100 and costs next to nothing, as where a budget is strict. */
function accountWith(atOnce: number): BudgetAccount {
  const account = new BudgetAccount('all', '', 0);
  account.take(lease(100 * atOnce), 0, 0);
  for (let i = 0; i < atOnce; i++) expect(account.reserve(100n, 0)).toBe('Reserved');
  for (let i = 0; i < atOnce; i++) account.settle(100n, 0n, 1, 0);
  return account;
}

it('wants twice what was reserved at once, so that more requests at once need not wait for a lease', () => {
  expect(accountWith(3).demand(1000, 0n).want).toBe('300');
  const busy = accountWith(3);
  busy.reserve(100n, 500);
  // 600 in all, of which 100 are reserved and 200 are in hand.
  expect(busy.demand(1000, 0n).want).toBe('300');
});

it('forgets what was reserved at once a minute later', () => {
  const account = accountWith(3);
  expect(account.demand(60_000, 0n).want).toBe('300');
  expect(account.demand(60_001, 0n).want).toBe('0');
  account.reserve(100n, 70_000);
  account.settle(100n, 0n, 1, 70_000);
  // 200 in all, and 300 are in hand.
  expect(account.demand(70_000, 0n).want).toBe('0');
});
