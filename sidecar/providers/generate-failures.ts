/** The reference page of the failure table, as text. */
import { COMMON_FAILURES } from './failure-rows.ts';
import type { FailureRow } from './failures.ts';
import { PROVIDER_TYPES } from './types.ts';

const HEAD = `# Failures

What a provider does, and what it means to Outrider. Rows are tried from top to bottom; the first that fits decides.

- **Class** is what \`failover.when\` lists. \`Caller\` is never in a list: the answer is returned as it is.
- **Breaker** is whose failures it counts among; "at once" ejects on the first one, the others after \`consecutiveErrors\` in a row.
- **Retry** is the least that must change before another try can help.

`;

const COLUMNS = '| What happened | Class | Breaker | Retry | Remark |\n|---|---|---|---|---|\n';

/** Markdown of \`docs/reference/failures.md\`. */
export function failuresPage(): string {
  let page = `${HEAD}## All types\n\n${COLUMNS}${COMMON_FAILURES.map(line).join('')}`;
  for (const type of Object.values(PROVIDER_TYPES)) {
    if (type.failures.length === 0) continue;
    page += `\n## ${type.name}, before the rows above\n\n${COLUMNS}${type.failures.map(line).join('')}`;
  }
  return page;
}

function line(row: FailureRow): string {
  const breaker = row.scope === 'None' ? 'none' : row.scope + (row.atOnce ? ', at once' : '');
  return `| ${happened(row)} | ${row.class} | ${breaker} | ${row.retry} | ${row.note} |\n`;
}

function happened(row: FailureRow): string {
  if (row.event) return `connection: ${row.event}`;
  const parts: string[] = [];
  if (row.status) parts.push(`status ${row.status.map(statusText).join(', ')}`);
  if (row.inside200) parts.push('error inside a 200');
  if (row.foreign) parts.push('body is not an API error');
  const marks: string[] = [];
  if (row.words) marks.push(`code or type ${row.words.map(quoted).join(', ')}`);
  if (row.starts) marks.push(`message starts ${row.starts.map(quoted).join(', ')}`);
  if (row.contains) marks.push(`message contains ${row.contains.map(quoted).join(', ')}`);
  if (marks.length > 0) parts.push(marks.join(' or '));
  return parts.length > 0 ? parts.join('; ') : 'anything else';
}

const statusText = (status: number | readonly [number, number]): string =>
  typeof status === 'number' ? String(status) : `${status[0]}-${status[1]}`;

/** Code spans may hold a backtick only between double ones. */
const quoted = (text: string): string => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);
