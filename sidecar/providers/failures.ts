/**
 * The one table from what a provider did to what it means: (type, status, body code or type, body text) → (class,
 * breaker scope, what must change before another try can help). Rows are tried in order, the type's own first.
 * `docs/reference/failures.md` is generated from here.
 */
import type { UpstreamError } from '../dialects/dialect.ts';
import type { FailureClass } from '../snapshot/schema.ts';
import { COMMON_FAILURES } from './failure-rows.ts';
import type { ProviderType } from './provider-type.ts';

/** Failures without a body: what happened to the connection or the response as a whole. */
export type TransportEvent =
  | 'Connect' // no connection: refused, unreachable, DNS, TLS, or too slow
  | 'Reset' // the connection broke before a response
  | 'Broken' // the response broke off or ended without its terminal event
  | 'Timeout' // no answer or no progress in time
  | 'Malformed'; // a 2xx answer that is not what the endpoint promises

/** Whose failures a failure counts among. None: it says nothing about the provider. */
export type BreakerScope = 'Credential' | 'CredentialModel' | 'Model' | 'Endpoint' | 'None';

/** The least that must change before another try can help. */
export type Retry =
  | 'Same' // the same target may work later
  | 'OtherCredential' // not with this key
  | 'OtherTarget' // not with this model here
  | 'Never'; // the request itself is at fault

export interface FailureRow {
  readonly event?: TransportEvent;
  /** Exact statuses or inclusive ranges; absent: any, and errors inside a 200 as well. */
  readonly status?: readonly (number | readonly [number, number])[];
  /** Body `code` or `type`, exactly; one of them. */
  readonly words?: readonly string[];
  /** Lower-case text the body's message starts with; one of them. */
  readonly starts?: readonly string[];
  /**
   * Lower-case text anywhere in the body's message; one of them. Vendors quote the request in their messages, so this is
   * only for rows without a breaker: no caller may talk a key out of service.
   */
  readonly contains?: readonly string[];
  /** The body is not an error of the API, such as the page of a web server. */
  readonly foreign?: true;
  /** The error came inside a 200: as a body, or as an event of a stream. */
  readonly inside200?: true;
  readonly class: FailureClass | 'Caller';
  readonly scope: BreakerScope;
  readonly retry: Retry;
  /** One failure ejects: there is no point in trying again to make sure. */
  readonly atOnce?: true;
  /** Why, or an example, for the reference page. */
  readonly note: string;
}

export interface Verdict {
  readonly row: FailureRow;
  readonly class: FailureClass | 'Caller';
  readonly scope: BreakerScope;
  readonly retry: Retry;
  /** Low-cardinality word for metrics and logs; never text of the vendor. */
  readonly code: string;
}

/** Text beyond this says nothing that the start did not. */
const TEXT_LIMIT = 2048;
const WORD = /^[A-Za-z][A-Za-z0-9_.-]{0,47}$/;

/**
 * Judges an answer. `status` is the HTTP status; for an error inside a 200 it is the status the error names itself, if
 * it does. `error` is undefined where the body is not an error of the API, such as a web server's own page.
 */
export function classify(
  type: ProviderType,
  status: number | undefined,
  error: UpstreamError | undefined,
  inside200: boolean,
): Verdict {
  const named = inside200 ? (status ?? numericStatus(error)) : status;
  const text = error?.message.slice(0, TEXT_LIMIT).toLowerCase() ?? '';
  for (const rows of [type.failures, COMMON_FAILURES]) {
    for (const row of rows) {
      if (fits(row, named, error, text, inside200)) return verdict(row, codeOf(named, error));
    }
  }
  return verdict(COMMON_FAILURES.at(-1) as FailureRow, codeOf(named, error));
}

function fits(
  row: FailureRow,
  status: number | undefined,
  error: UpstreamError | undefined,
  text: string,
  inside200: boolean,
): boolean {
  if (row.event !== undefined || (row.inside200 && !inside200)) return false;
  if (row.foreign && error !== undefined) return false;
  if (row.status && (status === undefined || !inStatus(row.status, status))) return false;
  if (!row.words && !row.starts && !row.contains) return true;
  return (
    (row.words !== undefined && error !== undefined && hasWord(row.words, error)) ||
    (row.starts?.some((t) => text.startsWith(t)) ?? false) ||
    (row.contains?.some((t) => text.includes(t)) ?? false)
  );
}

/** Some vendors put the HTTP status they would have sent into `code`. */
function numericStatus(error: UpstreamError | undefined): number | undefined {
  if (error?.status !== undefined) return error.status;
  const code = error?.code;
  return code !== undefined && /^[45]\d\d$/.test(code) ? Number(code) : undefined;
}

/** Judges what happened to the connection. `code` is the system's word for it, such as ECONNREFUSED. */
export function classifyTransport(event: TransportEvent, code: string): Verdict {
  for (const row of COMMON_FAILURES) if (row.event === event) return verdict(row, code);
  throw new Error(`no row for ${event}`);
}

function verdict(row: FailureRow, code: string): Verdict {
  return { row, class: row.class, scope: row.scope, retry: row.retry, code };
}

function inStatus(wanted: readonly (number | readonly [number, number])[], status: number): boolean {
  return wanted.some((w) => (typeof w === 'number' ? w === status : status >= w[0] && status <= w[1]));
}

function hasWord(words: readonly string[], error: UpstreamError): boolean {
  return (
    (error.code !== undefined && words.includes(error.code)) ||
    (error.type !== undefined && words.includes(error.type))
  );
}

/** Vendors put names into these fields; anything that does not look like one is not repeated. */
function codeOf(status: number | undefined, error: UpstreamError | undefined): string {
  if (error?.code !== undefined && WORD.test(error.code)) return error.code;
  if (error?.type !== undefined && WORD.test(error.type)) return error.type;
  return status === undefined ? 'error' : `http_${status}`;
}
