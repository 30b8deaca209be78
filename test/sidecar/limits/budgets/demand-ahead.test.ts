import { expect, it } from 'vitest';
import { BudgetAccount } from '../../../../sidecar/limits/budgets/account.ts';

const TEN_MINUTES_S = 600;

/** Ten a second, each 1000 nano-USD, for so many seconds from `from` on; how many seconds of it are asked for. */
function secondsWanted(account: BudgetAccount, from: number, seconds: number): number {
  for (let at = from; at < from + seconds * 1000; at += 100) account.settle(0n, 1000n, undefined, at);
  return Number(account.demand(from + seconds * 1000, 0n).want) / 10_000;
}

it('asks for ten minutes of what is spent, however short it has been spent', () => {
  for (const seconds of [5, 20, 120, 600]) {
    const wanted = secondsWanted(new BudgetAccount('all', '', 0), 0, seconds);
    expect(wanted).toBeGreaterThan(TEN_MINUTES_S * 0.95);
    expect(wanted).toBeLessThan(TEN_MINUTES_S * 1.05);
  }
});

it('takes the first request for what is spent in five seconds', () => {
  const account = new BudgetAccount('all', '', 0);
  account.settle(0n, 1000n, undefined, 0);
  const wanted = Number(account.demand(0, 0n).want);
  expect(wanted).toBeGreaterThan(1000 * (TEN_MINUTES_S / 5) * 0.95);
  expect(wanted).toBeLessThan(1000 * (TEN_MINUTES_S / 5) * 1.05);
});

it('asks for less and less of what is spent no more', () => {
  const account = new BudgetAccount('all', '', 0);
  const busy = secondsWanted(account, 0, 600);
  const idle = Number(account.demand(660_000, 0n).want) / 10_000;
  expect(idle).toBeLessThan(busy * 0.55);
});
