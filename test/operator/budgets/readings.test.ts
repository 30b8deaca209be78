import { describe, expect, it } from 'vitest';
import { budgetStatuses, dollars, readingsOf } from '../../../operator/budgets/readings.ts';
import type { WatchedBudget } from '../../../operator/compile/watched-budgets.ts';
import { aBudget } from './support.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');

const read = (spent: Record<string, bigint>, budget: WatchedBudget = aBudget(), amount = 1_000_000_000n) =>
  readingsOf(
    budget,
    {
      keysOf: () => Object.keys(spent),
      standing: (_, key) => ({ amount, counted: spent[key] ?? 0n, booked: 0n }),
    },
    NOW,
  );

describe('where a budget stands', () => {
  it('is told of each key in its window', () => {
    expect(read({ shop: 250_000_000n })).toMatchObject([
      {
        key: 'shop',
        since: Date.parse('2026-03-01T00:00:00Z'),
        endsAt: Date.parse('2026-04-01T00:00:00Z'),
        percent: 25,
      },
    ]);
  });

  it('counts what was booked, rounds down, and has an end', () => {
    const [reading] = readingsOf(
      aBudget(),
      { keysOf: () => ['a'], standing: () => ({ amount: 3n, counted: 1n, booked: 1n }) },
      NOW,
    );
    expect(reading).toMatchObject({ spent: 2n, percent: 66 });
    expect(read({ a: 0n }, aBudget(), 0n)[0]?.percent).toBe(100);
    expect(read({ a: 10n ** 30n })[0]?.percent).toBe(1_000_000);
  });

  it('is shown of the keys that are nearest to their amounts', () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`key-${i}`, BigInt(i) * 10_000_000n]),
    );
    const statuses = budgetStatuses(read(many));
    expect(statuses).toHaveLength(64);
    expect(statuses[0]).toEqual({
      name: 'monthly',
      key: 'key-99',
      window: '2026-03-01T00:00:00Z',
      spent: '0.99',
      amount: '1.00',
      percent: 99,
    });
  });

  it.each([
    [0n, '0.00'],
    [1n, '0.000000001'],
    [10_000_000n, '0.01'],
    [1_500_000_000n, '1.50'],
    [1_234_500_000n, '1.2345'],
    [123_000_000_000n, '123.00'],
  ])('writes %s nano-USD as %s', (nano, text) => {
    expect(dollars(nano)).toBe(text);
  });
});
