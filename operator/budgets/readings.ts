/** PURE: where the keys of budgets stand, as statuses and alerts say it. */
import type { LLMPolicyStatus } from '../../crds/llmpolicy.ts';
import { windowAt } from '../../sidecar/snapshot/budget-window.ts';
import type { BudgetBody } from '../../sidecar/snapshot/shapes/budgets.ts';
import type { WatchedBudget } from '../compile/watched-budgets.ts';

type BudgetStatuses = NonNullable<LLMPolicyStatus['budgets']>;

/** What the ledger knows. Nano-USD. */
export interface Spending {
  keysOf(budget: BudgetBody): string[];
  standing(budget: BudgetBody, key: string): { amount: bigint; counted: bigint; booked: bigint };
}

export interface Reading {
  budget: WatchedBudget;
  key: string;
  /** Milliseconds since the epoch: the oldest moment that counts, and of calendars when the window is over. */
  since: number;
  endsAt: number;
  amount: bigint;
  spent: bigint;
  /** Whole percent, rounded down; of an amount of nothing 100. */
  percent: number;
}

const MAX_STATUSES = 64;
const NANO_PER_CENT = 10_000_000n;
/** A sum beyond it is a mistake of units, and says so just as well. */
const MOST_PERCENT = 1_000_000n;

/** Of all keys that anything was spent by; `now` in milliseconds since the epoch. */
export function readingsOf(budget: WatchedBudget, spending: Spending, now: number): Reading[] {
  const { body } = budget;
  const { since, end } = windowAt(body.period, now);
  return spending.keysOf(body).map((key) => {
    const { amount, counted, booked } = spending.standing(body, key);
    const spent = counted + booked;
    return { budget, key, since, endsAt: end, amount, spent, percent: percentOf(spent, amount) };
  });
}

function percentOf(spent: bigint, amount: bigint): number {
  if (amount === 0n) return 100;
  const percent = (spent * 100n) / amount;
  return Number(percent < MOST_PERCENT ? percent : MOST_PERCENT);
}

/** The keys that are nearest to their amounts, the nearest first. */
export function budgetStatuses(readings: readonly Reading[]): BudgetStatuses {
  return readings
    .toSorted(
      (a, b) => b.percent - a.percent || compare(a.budget.name, b.budget.name) || compare(a.key, b.key),
    )
    .slice(0, MAX_STATUSES)
    .map(({ budget, key, since, spent, amount, percent }) => ({
      name: budget.name,
      key,
      window: new Date(since).toISOString().replace(/\.\d+Z$/, 'Z'),
      spent: dollars(spent),
      amount: dollars(amount),
      percent,
    }));
}

/** Nano-USD as dollars with two digits, or more where there are any. */
export function dollars(nano: bigint): string {
  const digits = nano.toString().padStart(10, '0');
  const fraction = nano % NANO_PER_CENT === 0n ? digits.slice(-9, -7) : digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}.${fraction}`;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
