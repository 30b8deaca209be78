/**
 * The ledger: that nothing is lost or counted twice, what it costs, and how much it writes.
 *
 *   npm run bench:ledger -- [rows|sizes|reports|kills [COUNT]]    1,000,000 rows and 1,000 kills; without a name all, with 25 kills
 *
 * Exits non-zero where a bar is not met.
 */
import { loadavg } from 'node:os';
import type { Figure } from './ledger/figure.ts';
import { killOperators } from './ledger/kills.ts';
import { measureReports } from './ledger/reports.ts';
import { countRows } from './ledger/rows.ts';
import { measureSizes } from './ledger/sizes.ts';

const [wanted, count] = process.argv.slice(2);
const PARTS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  rows: () => countRows(count === undefined ? 1_000_000 : Number(count)),
  sizes: measureSizes,
  reports: measureReports,
  kills: () => killOperators(count === undefined ? (wanted === 'kills' ? 1000 : 25) : Number(count)),
};
const chosen = Object.entries(PARTS).filter(([name]) => wanted === undefined || name === wanted);
if (chosen.length === 0) {
  console.error(`there is no ${String(wanted)}: ${Object.keys(PARTS).join(', ')}`);
  process.exitCode = 2;
}
const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
console.log(`Node ${process.version}, load average ${load()} before\n`);
console.log('| measurement | figure | bar | |\n|---|---|---|---|');
for (const [name, measure] of chosen) {
  for (const { what, value, bar = '', met } of await measure()) {
    const verdict = met === undefined ? '' : met ? 'met' : '**not met**';
    console.log(`| ${name}: ${what} | ${value} | ${bar} | ${verdict} |`);
    if (met === false) process.exitCode = 1;
  }
}
console.log(`\nload average ${load()} after`);
