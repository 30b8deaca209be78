/** Budgets of routes and policies: from the words of the resource to those of the snapshot, with every default applied. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { BudgetBody, BudgetKeyPart } from '../../sidecar/snapshot/shapes/budgets.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';

export type Budget = NonNullable<LLMRouteSpec['budgets']>[number];
type KeyPart = NonNullable<Budget['key']>[number];
type Defaulted = 'key' | 'maxKeys' | 'enforcement' | 'onExhausted' | 'onLedgerUnavailable' | 'leaseWait';
export type EffectiveBudget = Omit<Budget, Defaulted | 'period'> & {
  [K in Defaulted]-?: NonNullable<Budget[K]>;
} & { period: { unit: Budget['period']['unit']; rolling: boolean; timeZone?: string | undefined } };

const NANO_DIGITS = 9;

function effectiveBudget(budget: Budget, path: string, fill: Filler): EffectiveBudget {
  const { unit, rolling, timeZone } = budget.period;
  return {
    ...budget,
    period: {
      unit,
      rolling: fill.in(`${path}.period.rolling`, rolling, false),
      // The last 24 hours are the same everywhere.
      ...(!rolling && { timeZone: fill.in(`${path}.period.timeZone`, timeZone, 'UTC') }),
    },
    key: fill.in(`${path}.key`, budget.key, []),
    maxKeys: fill.in(`${path}.maxKeys`, budget.maxKeys, 1000),
    enforcement: fill.in(`${path}.enforcement`, budget.enforcement, 'Bounded' as const),
    onExhausted: fill.in(`${path}.onExhausted`, budget.onExhausted, 'Reject' as const),
    onLedgerUnavailable: fill.in(`${path}.onLedgerUnavailable`, budget.onLedgerUnavailable, {
      mode: 'Reject' as const,
    }),
    leaseWait: fill.in(`${path}.leaseWait`, budget.leaseWait, '200ms'),
  };
}

export const effectiveBudgets = (
  budgets: readonly Budget[] | undefined,
  path: string,
  fill: Filler,
): EffectiveBudget[] => (budgets ?? []).map((budget, i) => effectiveBudget(budget, `${path}[${i}]`, fill));

/** @param owner such as `route/shop/assistant`: what was spent is kept under it and the budget's name */
export function budgetBody(owner: string, budget: EffectiveBudget): BudgetBody {
  const { period, perKey, onLedgerUnavailable } = budget;
  return {
    id: `${owner}/${budget.name}`,
    amount: nanoUsd(budget.amount),
    ...(perKey?.length && {
      perKey: perKey.map(({ value, amount }) => ({ value, amount: nanoUsd(amount) })),
    }),
    period: {
      unit: period.unit,
      ...(period.rolling && { rolling: true as const }),
      timeZone: period.timeZone ?? 'UTC',
    },
    key: budget.key.map(keyPart),
    maxKeys: budget.maxKeys,
    enforcement: budget.enforcement,
    onExhausted: budget.onExhausted,
    allowUpTo: nanoUsd(onLedgerUnavailable.amount ?? '0'),
    leaseWaitMs: milliseconds(budget.leaseWait),
  };
}

const keyPart = ({ by, header }: KeyPart): BudgetKeyPart =>
  by === 'Header' ? { by, header: (header ?? '').toLowerCase() } : { by };

/** Decimal US dollars; a sum may be more than a number holds exactly. */
function nanoUsd(dollars: string): string {
  const [whole = '0', fraction = ''] = dollars.split('.');
  return BigInt(whole + fraction.padEnd(NANO_DIGITS, '0')).toString();
}
