/** A row as it comes from a pod, believed in nothing: types and bounds are checked, and what is odd is left out, never guessed. */
import type { Usage } from '../../sidecar/accounting/usage.ts';

/** Wire names of `sidecar/accounting/rows.ts`, reduced to what is counted. */
export interface LedgerRow {
  /** Position in the sidecar's epoch; with (pod uid, epoch) it names the row for ever. */
  readonly seq: number;
  /** Milliseconds since the epoch by the pod's clock. */
  readonly at: number;
  /** `namespace/name`; empty where no route was found. */
  readonly route: string;
  readonly provider: string;
  readonly model: string;
  /** Whom the route charges besides its namespace; empty where it tells nobody apart. */
  readonly key: string;
  /** Of a request of the sidecar itself, what it was for; empty: an app's. */
  readonly purpose: string;
  /** Attempts: one, or those that were folded into one row. */
  readonly rows: number;
  readonly failed: number;
  readonly estimated: number;
  /** Of `rows`, those whose price is unknown. */
  readonly unpriced: number;
  readonly nanoUsd: bigint;
  /** What an answer from the cache, or a cheaper target, did not cost. */
  readonly savedNanoUsd: bigint;
  /** Tokens of the prompt that were not sent, by estimate. */
  readonly savedTokens: number;
  readonly usage: Usage;
  /** Budgets that the cost counts against, each in whole. */
  readonly charges: readonly Charge[];
}

export interface Charge {
  readonly budget: string;
  readonly key: string;
  /** Start of the budget's window, in seconds since the epoch. */
  readonly window: number;
}

const MAX_TEXT = 640;
const MAX_PURPOSE = 32;
const MAX_CHARGES = 16;
const MAX_COUNT = 1_000_000_000_000;
const MAX_DIGITS = 24;

const USAGE_KINDS = [
  'input',
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
  'audioInput',
  'audioCacheRead',
  'output',
  'reasoning',
  'audioOutput',
  'imageOutput',
  'requests',
] as const satisfies readonly (keyof Usage)[];

/** Undefined where it is no row at all: without a place in the sequence, or with amounts that are none. */
export function readRow(value: unknown): LedgerRow | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const row = value as Record<string, unknown>;
  const { seq, type } = row;
  if (!count(seq) || seq === 0) return undefined;
  const total = type === 'Total';
  const at = total ? row['to'] : row['at'];
  const rows = total ? row['rows'] : 1;
  const nanoUsd = amount(row['costNanoUsd']);
  const unpriced = total ? row['unpriced'] : nanoUsd === undefined ? 1 : 0;
  if (!count(at) || !count(rows) || !count(unpriced)) return undefined;
  return {
    seq,
    at,
    route: text(row['route']),
    provider: text(row['provider']),
    model: text(row['model']),
    key: text(row['key']),
    purpose: text(row['purpose']).slice(0, MAX_PURPOSE),
    rows,
    failed: row['outcome'] === 'Failed' ? rows : 0,
    estimated: row['source'] === 'Estimated' ? rows : 0,
    unpriced: Math.min(unpriced, rows),
    nanoUsd: nanoUsd ?? 0n,
    savedNanoUsd: amount(row['savedNanoUsd']) ?? 0n,
    savedTokens: count(row['savedTokens']) ? row['savedTokens'] : 0,
    usage: readUsage(row['usage']),
    charges: readCharges(row['charges']),
  };
}

function readUsage(value: unknown): Usage {
  const said = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const usage: Usage = { input: 0, cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 };
  for (const kind of USAGE_KINDS) {
    const tokens = said[kind];
    if (count(tokens) && tokens > 0) usage[kind] = tokens;
  }
  return usage;
}

function readCharges(value: unknown): Charge[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_CHARGES).flatMap((one: unknown) => {
    const { budget, key, window } = (one ?? {}) as Record<string, unknown>;
    if (typeof budget !== 'string' || budget === '' || budget.length > MAX_TEXT || !count(window)) return [];
    return [{ budget, key: text(key), window }];
  });
}

const count = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_COUNT * 10_000;

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_TEXT) : '');

function amount(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || value.length > MAX_DIGITS || !/^\d+$/.test(value)) return undefined;
  return BigInt(value);
}
