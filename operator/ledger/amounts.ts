/** What is added up: attempts, tokens by kind, and money in whole nano-USD. Sums are BigInt, so no order of adding changes them. */
import { addUsage, NO_USAGE, type Usage } from '../../sidecar/accounting/usage.ts';
import type { LedgerRow } from './row.ts';

export interface Amounts {
  rows: number;
  failed: number;
  estimated: number;
  unpriced: number;
  nanoUsd: bigint;
  savedNanoUsd: bigint;
  /** Tokens of prompts that were not sent. */
  savedTokens: number;
  usage: Usage;
}

export const noAmounts = (): Amounts => ({
  rows: 0,
  failed: 0,
  estimated: 0,
  unpriced: 0,
  nanoUsd: 0n,
  savedNanoUsd: 0n,
  savedTokens: 0,
  usage: { ...NO_USAGE },
});

/** Adds to `sum`, and nothing to `more`. */
export function addAmounts(sum: Amounts, more: Omit<LedgerRow, 'seq' | 'charges'> | Amounts): void {
  sum.rows += more.rows;
  sum.failed += more.failed;
  sum.estimated += more.estimated;
  sum.unpriced += more.unpriced;
  sum.nanoUsd += more.nanoUsd;
  sum.savedNanoUsd += more.savedNanoUsd;
  sum.savedTokens += more.savedTokens;
  addUsage(sum.usage, more.usage);
}

/** JSON: money as decimal strings. What an earlier version wrote lacks `savedTokens`. */
export type WrittenAmounts = Omit<Amounts, 'nanoUsd' | 'savedNanoUsd' | 'savedTokens'> & {
  nanoUsd: string;
  savedNanoUsd: string;
  savedTokens?: number;
};

export const writeAmounts = (amounts: Amounts): WrittenAmounts => ({
  ...amounts,
  nanoUsd: amounts.nanoUsd.toString(),
  savedNanoUsd: amounts.savedNanoUsd.toString(),
});

/** Of what `writeAmounts` wrote; throws on anything else. */
export const readAmounts = (written: WrittenAmounts): Amounts => ({
  ...written,
  savedTokens: written.savedTokens ?? 0,
  nanoUsd: BigInt(written.nanoUsd),
  savedNanoUsd: BigInt(written.savedNanoUsd),
});
