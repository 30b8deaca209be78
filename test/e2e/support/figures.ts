/** What was measured: printed as it comes, and added to the file `E2E_FIGURES` as one line of JSON each. */
import { appendFileSync } from 'node:fs';

const { E2E_FIGURES } = process.env;

export function figure(name: string, value: object | number | string): void {
  process.stdout.write(`FIGURE ${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
  if (E2E_FIGURES === undefined) return;
  appendFileSync(E2E_FIGURES, `${JSON.stringify({ at: new Date().toISOString(), name, value })}\n`);
}

/** The value that so large a share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
