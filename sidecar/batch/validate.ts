/** Reads the whole input of a batch once, before anything of it is sent: all of it is right, or nothing is run. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { OutriderError } from '../../errors/table.ts';
import type { RoutingTable, TableRoute } from '../routing/table.ts';
import { type BatchLine, isWrong, readBatchLine, type Wrong } from './batch-line.ts';
import { linesOf } from './lines.ts';
import type { Medium } from './media/medium.ts';
import type { LineError } from './records.ts';
import { type BatchTerms, batchRoute, termsOf } from './rules.ts';

export interface ValidationInput {
  medium: Pick<Medium, 'read'>;
  name: string;
  bytes: number;
  endpoint: string;
  /** Longest line, in bytes. */
  maxLine: number;
  table: RoutingTable | undefined;
  /** Hears of every line that is right. */
  each?: (line: BatchLine, number: number, route: TableRoute) => void;
}

export type Validated =
  | { ok: true; total: number; terms: BatchTerms; routes: readonly TableRoute[] }
  | { ok: false; total: number; errors: LineError[] };

/** Errors that are told one by one; of the others, how many there are. */
const MAX_ERRORS = 1000;
/** Lines between which others have their turn. */
const AT_ONCE = 100;

export async function validateInput(input: ValidationInput): Promise<Validated> {
  const errors: LineError[] = [];
  let wrongs = 0;
  let total = 0;
  const ids = new Map<string, number>();
  const routes = new Set<TableRoute>();
  const complain = (wrong: Wrong, line: number | null): void => {
    if (++wrongs <= MAX_ERRORS) errors.push({ ...wrong, line });
  };
  let read = 0;
  for await (const { number, bytes } of linesOf(input.medium, input.name, { maxLine: input.maxLine })) {
    if (++read % AT_ONCE === 0) await setImmediate();
    if (bytes?.length === 0) continue;
    total++;
    if (total > MOST_LINES) break;
    if (bytes === undefined) {
      complain(problem('line_too_long', `the line has more than ${input.maxLine} bytes`), number);
      continue;
    }
    const line = readBatchLine(bytes, input.endpoint);
    if (isWrong(line)) {
      complain(line, number);
      continue;
    }
    // A digest is as good as the id, and never longer.
    const digest = createHash('sha256').update(line.customId).digest('base64url');
    const first = ids.get(digest);
    if (first !== undefined) {
      complain(
        problem(
          'duplicate_custom_id',
          `custom_id "${line.customId}" is also that of line ${first}`,
          'custom_id',
        ),
        number,
      );
      continue;
    }
    ids.set(digest, number);
    try {
      const route = batchRoute(input.table, line.envelope.model);
      routes.add(route);
      input.each?.(line, number, route);
    } catch (thrown) {
      if (!(thrown instanceof OutriderError)) throw thrown;
      complain(problem(thrown.code, thrown.message, 'body.model'), number);
    }
  }
  const terms = termsOf(routes);
  if (total === 0) complain(problem('empty_file', 'the input has no lines'), null);
  if (total > MOST_LINES) {
    complain(problem('too_many_requests', `a batch has ${MOST_LINES} lines at most`), null);
  } else if (terms && total > terms.maxRequests) {
    const message = `the input has ${total} lines; maxRequests is ${terms.maxRequests}`;
    complain(problem('too_many_requests', message), null);
  }
  if (terms && input.bytes > terms.maxBytes) {
    const message = `the input has ${input.bytes} bytes; maxBytes is ${terms.maxBytes}`;
    complain(problem('file_too_large', message), null);
  }
  if (wrongs === 0 && terms) return { ok: true, total, terms, routes: [...routes] };
  if (wrongs > MAX_ERRORS) {
    const message = `${wrongs - MAX_ERRORS} more lines are wrong`;
    errors.push({ ...problem('more_errors', message), line: null });
  }
  return { ok: false, total, errors };
}

const MOST_LINES = 50_000;

const problem = (code: string, message: string, param: string | null = null): Wrong => ({
  code,
  message,
  param,
});
