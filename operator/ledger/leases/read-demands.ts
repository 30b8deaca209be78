/** What a sidecar asks of budgets, believed in nothing: a demand that is none is left out. */
import { type BudgetDemand, MAX_DEMANDS } from '../../../sidecar/snapshot/lease-messages.ts';

const MAX_TEXT = 640;
const AMOUNT = /^\d{1,24}$/;

export function readDemands(value: unknown): BudgetDemand[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_DEMANDS).flatMap((one: unknown) => readDemand(one) ?? []);
}

function readDemand(value: unknown): BudgetDemand | undefined {
  const demand = (value ?? {}) as Record<string, unknown>;
  const { budget, key, window, granted, open, reserved, need, want } = demand;
  if (!isText(budget) || !isText(key)) return undefined;
  if (!isAmount(granted) || !isAmount(open) || !isAmount(reserved)) return undefined;
  if (!isAmount(need) || !isAmount(want)) return undefined;
  if (window !== undefined && !(Number.isSafeInteger(window) && (window as number) >= 0)) return undefined;
  return {
    budget,
    key,
    ...(window !== undefined && { window: window as number }),
    granted,
    open,
    reserved,
    need,
    want,
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_TEXT;
const isAmount = (value: unknown): value is string => typeof value === 'string' && AMOUNT.test(value);
