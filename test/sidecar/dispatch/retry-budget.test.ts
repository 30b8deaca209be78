import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../dev/providers/behaviour.ts';
import { RetryBudgets, retryBudgetOf } from '../../../sidecar/dispatch/retry-budget.ts';
import { chat } from './client.ts';
import { front, provider } from './harness.ts';

const BUDGET = { percent: 20, minPerSecond: 1 };

describe('a budget for repetitions', () => {
  it('is earned by requests and by time, saved up to a bound, and kept apart by route and provider', () => {
    const budgets = new RetryBudgets();
    expect(budgets.has('r', 'p', BUDGET, 0), 'the first second').toBe(true);
    budgets.spend('r', 'p', BUDGET, 0);
    expect(budgets.has('r', 'p', BUDGET, 0)).toBe(false);
    for (let i = 0; i < 5; i++) budgets.earn('r', 'p', BUDGET, 0);
    expect(budgets.has('r', 'p', BUDGET, 0), 'a fifth of five requests').toBe(true);
    budgets.spend('r', 'p', BUDGET, 0);
    expect(budgets.has('r', 'p', BUDGET, 999)).toBe(false);
    expect(budgets.has('r', 'p', BUDGET, 1000)).toBe(true);
    expect(budgets.has('r', 'other', BUDGET, 0)).toBe(true);
    expect(budgets.has('other', 'p', BUDGET, 0)).toBe(true);
    let saved = 0;
    for (let i = 0; i < 10_000; i++) budgets.earn('r', 'p', BUDGET, 1000);
    while (budgets.has('r', 'p', BUDGET, 1000)) {
      budgets.spend('r', 'p', BUDGET, 1000);
      saved++;
    }
    expect(saved, 'ten seconds and a hundred requests').toBe(30);
  });

  it('is bounded, however many there are', () => {
    const budgets = new RetryBudgets();
    for (let i = 0; i < 3000; i++) budgets.earn(`r${i}`, 'p', BUDGET, i);
    expect(budgets.size).toBe(1024);
  });

  it('is there unset only where three attempts could be exceeded', () => {
    const failover = { on: [], backoff: { baseMs: 1, maxMs: 1 } };
    expect(retryBudgetOf({ ...failover, maxAttempts: 3 })).toBeUndefined();
    expect(retryBudgetOf({ ...failover, maxAttempts: 4 })).toEqual({ percent: 200, minPerSecond: 10 });
    expect(retryBudgetOf({ ...failover, maxAttempts: 2, retryBudget: BUDGET })).toBe(BUDGET);
  });

  const failure: Failure = { kind: 'Status', status: 500 };
  const retryBudget = { percent: 10, minPerSecond: 0 };
  const failover = {
    on: ['ServerError'] as const,
    maxAttempts: 10,
    backoff: { baseMs: 0, maxMs: 0 },
    retryBudget,
  };

  it('bounds a storm of retries at one provider, and says so', async () => {
    const p = await provider({ failure });
    const f = await front({
      targets: [
        { url: p.url, body: { passive: { consecutiveErrors: 1000, ejectionMs: 1, maxEjectionMs: 1 } } },
      ],
      maxAttempts: 10,
      rule: { failover: { ...failover, on: [...failover.on] } },
    });
    for (let i = 0; i < 30; i++) expect((await chat(f.port).answer).status).toBe(500);
    expect(p.count, 'a tenth more than was asked, not ten times as much').toBe(33);
    const last = await f.finished(28);
    expect(last.steps.map(({ what }) => what)).toContain('RetryBudgetSpent');
    expect(last.steps.at(-1)?.detail).toContain('10 % of requests');
  });

  it('does not keep requests from another provider', async () => {
    const [bad, good] = [await provider({ failure }), await provider()];
    const f = await front({
      targets: [{ url: bad.url }, { url: good.url }],
      maxAttempts: 2,
      rule: { failover: { ...failover, on: [...failover.on], retryBudget: { percent: 0, minPerSecond: 0 } } },
    });
    for (let i = 0; i < 20; i++) expect((await chat(f.port).answer).status).toBe(200);
  });
});
