import type { WatchedBudget } from '../../../operator/compile/watched-budgets.ts';

/** Of a dollar a month. */
export const aBudget = (change: Partial<WatchedBudget> = {}): WatchedBudget => ({
  owner: { kind: 'LLMPolicy', namespace: 'platform', name: 'teams', uid: 'uid' },
  name: 'monthly',
  body: {
    id: 'policy/platform/teams/monthly',
    amount: '1000000000',
    period: { unit: 'Month', timeZone: 'UTC' },
    key: [{ by: 'Namespace' }],
    maxKeys: 1000,
    enforcement: 'Bounded',
    onExhausted: 'Reject',
    allowUpTo: '0',
    leaseWaitMs: 200,
  },
  alertAt: [50, 80, 100],
  ...change,
});
