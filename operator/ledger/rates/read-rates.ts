/** Reads what a sidecar says of rates. It comes from a pod and is believed in nothing: sizes and types are checked here. */
import {
  MAX_RATE_DEMANDS,
  MAX_RATE_KEY,
  MAX_RATE_LIMITS,
  type RateDemand,
  type RateReport,
} from '../../../sidecar/snapshot/rate-messages.ts';

const MAX_ID = 640;

/** Undefined for what is not as agreed: the rest of the report counts all the same. */
export function readRates(value: unknown): RateReport | undefined {
  const { sequence, limits, demands } = (value ?? {}) as Record<string, unknown>;
  if (!isCount(sequence) || !isList(limits, MAX_RATE_LIMITS) || !isList(demands, MAX_RATE_DEMANDS))
    return undefined;
  if (!limits.every((id) => isText(id, MAX_ID)) || !demands.every(isDemand)) return undefined;
  return { sequence, limits, demands };
}

function isDemand(value: unknown): value is RateDemand {
  const { limit, key, of, held, used, want, need } = (value ?? {}) as Record<string, unknown>;
  return (
    isText(limit, MAX_ID) &&
    isText(key, MAX_RATE_KEY) &&
    (of === 'Rate' || of === 'AtOnce') &&
    isCount(held) &&
    isCount(used) &&
    isCount(want) &&
    isCount(need)
  );
}

const isList = (value: unknown, most: number): value is unknown[] =>
  Array.isArray(value) && value.length <= most;
const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length <= most;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
