/** Why an attempt may not be made, as its caller is told. */
import { type ErrorCode, OutriderError } from '../../../errors/table.ts';
import { formatUsd } from '../../accounting/usd.ts';
import type { SpendRefusal } from '../../dispatch/spend-gate.ts';
import type { Exchange } from '../../exchange.ts';
import type { Candidate } from '../../routing/plan.ts';
import type { Entry } from './entry.ts';
import type { RouteBudget } from './route-budgets.ts';

/** When a caller may come again who found no ledger. */
const UNREACHED_MS = 1000;

export interface Short {
  readonly budget: RouteBudget;
  readonly entry: Entry;
  readonly amount: bigint;
}

/** A refusal for want of money, and of how much. */
export interface ShortRefusal extends SpendRefusal {
  readonly short: Short;
}

export function shortRefusal(short: Short, exchange: Exchange, now: number, outage: boolean): ShortRefusal {
  const { budget, entry, amount } = short;
  const { body } = budget;
  const { account } = entry;
  const forMs = account.exhaustedFor(now);
  const wanted = `$${formatUsd(amount)} ${budget.strict ? 'at most' : 'or so'} would be needed, $${formatUsd(account.available(now))} are in hand`;
  const why =
    forMs > 0
      ? 'nothing more is left'
      : outage
        ? 'the operator cannot be reached'
        : 'the operator has not granted more yet';
  const reason = `${wanted}, and ${why}`;
  const params = { budget: nameOf(body.id), key: nameKey(account.key), reason };
  const code: ErrorCode = forMs > 0 ? 'budget_exhausted' : 'budget_unavailable';
  const mayQueue = body.onExhausted === 'Throttle' ? (exchange.plan?.rule.admission?.maxWaitMs ?? 0) : 0;
  return {
    refused: true,
    leads: budget.perAttempt ? 'Next' : body.onExhausted === 'Downgrade' ? 'Cheapest' : 'Reject',
    detail: `budget ${body.id}, key ${nameKey(account.key)}: ${reason}`,
    error: new OutriderError(code, params, forMs > 0 ? forMs : UNREACHED_MS),
    // While nobody answers, waiting only makes it worse.
    askAgainAt: forMs > 0 ? now + forMs : outage ? undefined : now,
    waitMs: Math.max(body.leaseWaitMs, mayQueue),
    short,
  };
}

/** The target itself is in the way: another one may do. */
export function unknownCost(
  budget: RouteBudget,
  candidate: Candidate,
  why: string | undefined,
): SpendRefusal {
  const reason = why ?? 'its price is not known';
  const params = { budget: nameOf(budget.body.id), target: candidate.target.name, reason };
  const error = new OutriderError(
    why === undefined || why.endsWith('price is not known') ? 'budget_cost_unknown' : 'budget_unbounded',
    params,
  );
  return never('Next', `budget ${budget.body.id}, target ${candidate.target.name}: ${reason}`, error);
}

export function unmetered(budget: RouteBudget, { path, plan }: Exchange): SpendRefusal {
  const params = { budget: nameOf(budget.body.id), path, rule: plan?.rule.name ?? '' };
  const error = new OutriderError('budget_unmetered', params);
  return never('Reject', `budget ${budget.body.id}: nobody can tell what requests to the path cost`, error);
}

const never = (leads: SpendRefusal['leads'], detail: string, error: OutriderError): SpendRefusal => ({
  refused: true,
  leads,
  detail,
  error,
  askAgainAt: undefined,
  waitMs: 0,
});

/** Without the kind of its owner. */
const nameOf = (id: string): string => id.slice(id.indexOf('/') + 1);

export const nameKey = (key: string): string => (key === '' ? 'all spending' : `"${key}"`);
