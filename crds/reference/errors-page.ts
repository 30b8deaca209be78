/** The reference page of errors, in Markdown, from the one table of errors. */
import { ERRORS, type ErrorDefinition } from '../../errors/table.ts';
import { cell, GENERATED, table } from './markdown.ts';

export function errorsPage(): string {
  const rows = Object.entries<ErrorDefinition>(ERRORS).map(([code, { status, retryable, message }]) => [
    `\`${code}\``,
    String(status),
    retryable ? 'yes' : 'no',
    cell(message),
  ]);
  return `${GENERATED}
# Errors

Every error that Outrider itself answers with. The code is stable: branch on it, never on the text. The HTTP status is that of the
answer; "retryable" says whether the same request may succeed later without anybody changing anything. Words in braces are filled in with
the field, the value and the limit at hand. Errors of a provider that no rule fails over on are passed on as the provider wrote them
and are not in this table.

${table(['Code', 'HTTP status', 'Retryable', 'Message'], rows)}
`;
}
