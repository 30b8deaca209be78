/** What the operator sends, checked before it is used: sizes and types. Everything here throws on what is not as agreed. */
import { promisify } from 'node:util';
import { gunzip as gunzipCallback } from 'node:zlib';
import { type BudgetLease, MAX_DEMANDS } from './lease-messages.ts';
import type { ReportAnswer } from './messages.ts';
import type { CredentialSet } from './schema.ts';
import type { Answer } from './transport.ts';

const gunzip = promisify(gunzipCallback);

const MAX_CREDENTIALS = 10_000;
const MAX_ID = 640;
const MAX_VALUE = 65_536;
const MAX_VERSION = 128;
const MAX_NUMBERS = 1_000;
/** While rates are shared out, somebody may be short. */
const MIN_RATES_WAIT = 200;
/** Bounds on the wait between reports that an operator may ask for, in milliseconds. */
const MIN_REPORT_WAIT = 1_000;
const MAX_REPORT_WAIT = 600_000;

/** The JSON of an answer, decompressed to at most `limit` bytes. */
export async function readJson(answer: Answer, limit: number): Promise<unknown> {
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') throw new Error(`the answer is encoded as ${encoding}`);
  const bytes =
    encoding === 'gzip'
      ? await gunzip(answer.body, { maxOutputLength: limit }).catch(() => {
          throw new Error(`the answer is no gzip of at most ${limit} bytes`);
        })
      : answer.body;
  return parse(bytes.toString('utf8'), 'the answer');
}

export function readCredentials(value: unknown): CredentialSet {
  const { version, credentials } = (value ?? {}) as { version?: unknown; credentials?: unknown };
  if (
    !shortText(version, MAX_VERSION) ||
    !Array.isArray(credentials) ||
    credentials.length > MAX_CREDENTIALS
  ) {
    throw new Error('the credentials have no version or no list');
  }
  return { version, credentials: credentials.map(readCredential) };
}

function readCredential(value: unknown): CredentialSet['credentials'][number] {
  const credential = (value ?? {}) as { id?: unknown; value?: unknown; version?: unknown };
  if (!shortText(credential.id, MAX_ID) || !shortText(credential.value, MAX_VALUE)) {
    throw new Error('a credential has no id or no value');
  }
  const { id, version } = credential;
  if (version !== undefined && !shortText(version, MAX_VERSION)) {
    throw new Error('a credential has a version that is no short text');
  }
  return { id, value: credential.value, ...(version !== undefined && { version }) };
}

export function readAnswer(value: unknown): ReportAnswer {
  const said = (value ?? {}) as Record<string, unknown>;
  const { nextReportIn, ledgerShard, acknowledgedSeq, hints, leases, rates } = said;
  if (typeof nextReportIn !== 'number' || !Number.isFinite(nextReportIn)) {
    throw new Error('the answer to the report has no nextReportIn');
  }
  return {
    nextReportIn: Math.min(MAX_REPORT_WAIT, Math.max(MIN_REPORT_WAIT, nextReportIn)),
    ledgerShard: Number.isSafeInteger(ledgerShard) ? (ledgerShard as number) : 0,
    acknowledgedSeq: Number.isSafeInteger(acknowledgedSeq) ? (acknowledgedSeq as number) : 0,
    // Whoever listens to a topic reads it as anything at all.
    ...(typeof hints === 'object' && hints !== null && { hints }),
    ...ratesMember(rates),
    ...(Array.isArray(leases) && {
      leases: leases.slice(0, MAX_DEMANDS).flatMap((one: unknown) => readLease(one) ?? []),
    }),
  };
}

const MAX_TTL_MS = 3_600_000;
/** A month, and some. */
const MAX_WINDOW_MS = 40 * 86_400_000;

/** What is not as agreed is left out: its budget has no lease then. */
function readLease(value: unknown): BudgetLease | undefined {
  const lease = (value ?? {}) as Record<string, unknown>;
  const { budget, key, as, window, endsInMs, granted, ttlMs, term, scarce, exhaustedForMs } = lease;
  const isTime = (one: unknown, most: number): one is number =>
    typeof one === 'number' && one >= 0 && one <= most;
  if (!shortText(budget, MAX_ID) || typeof key !== 'string' || key.length > MAX_ID) return undefined;
  if (as !== undefined && (typeof as !== 'string' || as.length > MAX_ID)) return undefined;
  if (typeof granted !== 'string' || !/^\d{1,24}$/.test(granted)) return undefined;
  if (!isCount(window) || !isCount(term)) return undefined;
  if (!isTime(endsInMs, MAX_WINDOW_MS) || !isTime(ttlMs, MAX_TTL_MS)) return undefined;
  if (exhaustedForMs !== undefined && !isTime(exhaustedForMs, MAX_WINDOW_MS)) return undefined;
  return {
    budget,
    key,
    ...(as !== undefined && { as }),
    window,
    endsInMs,
    granted,
    ttlMs,
    term,
    ...(scarce === true && { scarce }),
    ...(exhaustedForMs !== undefined && { exhaustedForMs }),
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What is not as agreed is left out: then the process goes by what it knew. */
function ratesMember(value: unknown): Pick<ReportAnswer, 'rates'> {
  const { term, pods, grants, againInMs } = (value ?? {}) as Record<string, unknown>;
  if (!isCount(term) || !isNumbers(pods) || !isNumbers(grants)) return {};
  const again = Number.isFinite(againInMs) ? (againInMs as number) : MIN_REPORT_WAIT;
  const againIn = Math.min(MAX_REPORT_WAIT, Math.max(MIN_RATES_WAIT, again));
  return { rates: { term, pods, grants, againInMs: againIn } };
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_NUMBERS && value.every((one) => Number.isSafeInteger(one));

/** The hash in the data of a `snapshot` event. */
export function readSnapshotEvent(data: string): string {
  const { hash } = (parse(data, 'an event') ?? {}) as { hash?: unknown };
  if (typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new Error('a snapshot event has no hash');
}

/** The version in the data of a `credentials` event. */
export function readCredentialsEvent(data: string): string {
  const { version } = (parse(data, 'an event') ?? {}) as { version?: unknown };
  if (shortText(version, MAX_VERSION)) return version;
  throw new Error('a credentials event has no version');
}

/** The data of a `hints` event; each topic is read by those who listen to it. What is not JSON says nothing: it must not cost the stream. */
export function readHintsEvent(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** `host:port` of a leader; undefined for anything else, so that no header can send the token somewhere odd. */
export function readLeader(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header.length > 300) return undefined;
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):(\d{1,5})$/.exec(
    header,
  );
  const port = Number(match?.[2]);
  return match && port >= 1 && port <= 65_535 ? header : undefined;
}

function shortText(value: unknown, limit: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= limit;
}

/** The parser's own message quotes its input, which may be a key. */
function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${what} is not JSON`);
  }
}
