/** What somebody wants to know of usage, from the words they say it in. */
import { DIMENSIONS, type Dimension } from './usage-report.ts';

export interface UsageWords {
  from?: string | undefined;
  to?: string | undefined;
  by?: readonly string[] | undefined;
}

export interface UsageRange {
  /** Days, UTC, both of them included. */
  from: string;
  to: string;
  by: Dimension[];
}

/** `field` and what is wrong with it, as a sentence begins and goes on. */
export class UsageQueryError extends Error {
  readonly field: string;
  constructor(field: keyof UsageWords, problem: string) {
    super(problem);
    this.field = field;
  }
}

/** Unset: this month so far, by namespace and route. Throws UsageQueryError. */
export function readUsageQuery(words: UsageWords, now: number): UsageRange {
  const to = day('to', words.to) ?? new Date(now).toISOString().slice(0, 10);
  const from = day('from', words.from) ?? `${to.slice(0, 8)}01`;
  if (from > to) throw new UsageQueryError('from', `is ${from}, after the last day, ${to}`);
  const by = words.by?.length ? words.by : ['namespace', 'route'];
  return { from, to, by: [...new Set(by)].map(dimension) };
}

function day(field: 'from' | 'to', text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  if (at && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)) return text;
  throw new UsageQueryError(field, `is "${text}"; it must be a day such as 2026-11-20`);
}

function dimension(name: string): Dimension {
  const found = DIMENSIONS.find((one) => one === name);
  if (!found) throw new UsageQueryError('by', `has "${name}"; there are ${DIMENSIONS.join(', ')}`);
  return found;
}
