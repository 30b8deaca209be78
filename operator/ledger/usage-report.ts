/** Usage added up by what is asked for. Pure. */
import { inputTokens, outputTokens } from '../../sidecar/accounting/usage.ts';
import { type Amounts, addAmounts, noAmounts } from './amounts.ts';
import type { DayUsage } from './reader.ts';

export const DIMENSIONS = ['day', 'namespace', 'route', 'provider', 'model', 'key', 'purpose'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** One line. Money in US dollars as decimal strings. */
export interface UsageLine {
  /** One value for each dimension asked for, in that order. */
  readonly by: Readonly<Partial<Record<Dimension, string>>>;
  /** Attempts, those that failed, and those whose tokens are estimated or whose price is unknown. */
  readonly attempts: number;
  readonly failed: number;
  readonly estimated: number;
  readonly unpriced: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly costUsd: string;
  /** At the most expensive target of the rule that each request could have gone to. */
  readonly wouldHaveCostUsd: string;
  readonly savedUsd: string;
  /** Tokens of prompts that were not sent: of turns that were left out or summarised. */
  readonly savedTokens: number;
}

export interface UsageQuery {
  readonly by: readonly Dimension[];
  readonly namespace?: string | undefined;
}

/** Lines by falling cost, and their sum. */
export function usageReport(
  days: readonly DayUsage[],
  { by, namespace }: UsageQuery,
): { lines: UsageLine[]; total: UsageLine } {
  const sums = new Map<string, { by: UsageLine['by']; amounts: Amounts }>();
  const total = noAmounts();
  for (const { day, entries } of days) {
    for (const entry of entries) {
      if (namespace !== undefined && entry.namespace !== namespace) continue;
      const values = by.map((dimension) => (dimension === 'day' ? day : shown(entry[dimension])));
      const id = JSON.stringify(values);
      let sum = sums.get(id);
      if (!sum) {
        sum = { by: Object.fromEntries(by.map((name, i) => [name, values[i]])), amounts: noAmounts() };
        sums.set(id, sum);
      }
      addAmounts(sum.amounts, entry.amounts);
      addAmounts(total, entry.amounts);
    }
  }
  const sorted = [...sums.values()].sort((a, b) => compare(b.amounts.nanoUsd, a.amounts.nanoUsd));
  // By day, time is the order that people read.
  if (by[0] === 'day')
    sorted.sort((a, b) => ((a.by.day ?? '') < (b.by.day ?? '') ? -1 : a.by.day === b.by.day ? 0 : 1));
  return { lines: sorted.map(({ by: of, amounts }) => line(of, amounts)), total: line({}, total) };
}

function line(by: UsageLine['by'], { usage, nanoUsd, savedNanoUsd, ...amounts }: Amounts): UsageLine {
  return {
    by,
    attempts: amounts.rows,
    failed: amounts.failed,
    estimated: amounts.estimated,
    unpriced: amounts.unpriced,
    inputTokens: inputTokens(usage),
    cachedTokens: usage.cacheRead + (usage.audioCacheRead ?? 0),
    outputTokens: outputTokens(usage),
    costUsd: usd(nanoUsd),
    wouldHaveCostUsd: usd(nanoUsd + savedNanoUsd),
    savedUsd: usd(savedNanoUsd),
    savedTokens: amounts.savedTokens,
  };
}

/** Exact, with no more digits than it takes, and two at least. */
export function usd(nano: bigint): string {
  const digits = nano.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0{1,7}$/, '');
  return `${digits.slice(0, -9)}.${fraction}`;
}

/** Providers are named as in resources. */
const shown = (value: string): string => value.replace(/^provider\//, '') || '-';

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
