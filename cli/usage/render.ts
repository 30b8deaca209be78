/** Usage as people and their tools read it. */
import type { Dimension, UsageLine } from '../../operator/ledger/usage-report.ts';

type Report = { lines: readonly UsageLine[]; total: UsageLine };

const COLUMNS = [
  ['attempts', 'ATTEMPTS'],
  ['failed', 'FAILED'],
  ['inputTokens', 'INPUT'],
  ['cachedTokens', 'CACHED'],
  ['outputTokens', 'OUTPUT'],
  ['costUsd', 'COST USD'],
  ['wouldHaveCostUsd', 'WOULD HAVE COST'],
  ['savedUsd', 'SAVED'],
  ['savedTokens', 'NOT SENT'],
] as const satisfies readonly (readonly [keyof UsageLine, string])[];

export function table({ lines, total }: Report, by: readonly Dimension[]): string {
  const head = [...by.map((name) => name.toUpperCase()), ...COLUMNS.map(([, title]) => title)];
  const body = lines.map((line) => [...by.map((name) => line.by[name] ?? ''), ...numbers(line)]);
  const sum = [...by.map((_, i) => (i === 0 ? 'TOTAL' : '')), ...numbers(total)];
  const rows = [head, ...body, sum];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const text = rows.map((row) =>
    row
      .map((cell, i) => (i < by.length ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${text.join('\n')}\n${remarks(total)}`;
}

const numbers = (line: UsageLine): string[] => COLUMNS.map(([member]) => String(line[member]));

/** What the sums cannot say of themselves. */
function remarks({ estimated, unpriced }: UsageLine): string {
  const some = [
    unpriced > 0 ? `${unpriced} attempts have no known price and are not in the cost` : '',
    estimated > 0 ? `the tokens of ${estimated} attempts are estimated` : '',
  ].filter((text) => text !== '');
  return some.length > 0 ? `\n${some.join('; ')}\n` : '';
}

const CSV_MEMBERS = [
  'attempts',
  'failed',
  'estimated',
  'unpriced',
  'inputTokens',
  'cachedTokens',
  'outputTokens',
  'costUsd',
  'wouldHaveCostUsd',
  'savedUsd',
  'savedTokens',
] as const satisfies readonly (keyof UsageLine)[];

export function csv({ lines }: Report, by: readonly Dimension[]): string {
  const rows = lines.map((line) => [
    ...by.map((name) => cell(line.by[name] ?? '')),
    ...CSV_MEMBERS.map((member) => String(line[member])),
  ]);
  return `${[[...by, ...CSV_MEMBERS], ...rows].map((row) => row.join(',')).join('\r\n')}\r\n`;
}

/** RFC 4180; what a spreadsheet would take for a formula is text to it. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]./.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const json = ({ lines, total }: Report): string =>
  `${JSON.stringify({ lines, total }, undefined, 2)}\n`;
