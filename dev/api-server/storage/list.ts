/** Lists: selectors, pages, and which version of the collection they show. */
import type { Target } from '../http/request.ts';
import { badRequest, expired, StatusError } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import { type ApiObject, type Fields, spell } from '../object.ts';
import { valueAt } from '../present/view.ts';
import type { Store } from './store.ts';

/** Where a page ends: the version all pages show, and the key of the last object listed. */
type Token = { version: number; after: string };
type Listed = { items: ApiObject[]; metadata: Fields };
export function listObjects(store: Store, { kind, namespace }: Target, query: URLSearchParams): Listed {
  const collection = store.collection(kind);
  const limit = wholeNumber(query, 'limit');
  const token = decodeToken(query.get('continue'));
  const wanted = versionOf(query, (why) => badRequest(`invalid resource version: ${why}`)) ?? 0;
  if (wanted > store.version) throw tooLarge(wanted, store.version);
  const version = token?.version ?? (query.get('resourceVersionMatch') === 'Exact' ? wanted : undefined);
  if (version !== undefined && version < collection.compacted) throw tooOld(store, token);

  const matches = matcherOf(kind, query);
  const found = collection.list(namespace, token?.after, version).filter(([, object]) => matches(object));
  const page = limit > 0 ? found.slice(0, limit) : found;
  const remainingItemCount = found.length - page.length;
  const shown = version ?? store.version;
  const more = { continue: encodeToken({ version: shown, after: page.at(-1)?.[0] ?? '' }) };
  const filtered = query.get('labelSelector') || query.get('fieldSelector');
  const metadata = {
    resourceVersion: String(shown),
    ...(remainingItemCount > 0 ? more : kind.custom && { continue: '' }),
    ...(remainingItemCount > 0 && !filtered && { remainingItemCount }),
  };
  return { items: page.map(([, object]) => object), metadata };
}

export const isTrue = (query: URLSearchParams, parameter: string): boolean =>
  ['true', '1'].includes(query.get(parameter) ?? '');

/** The parameter resourceVersion; undefined where unset. */
export function versionOf(query: URLSearchParams, error: (why: string) => StatusError): number | undefined {
  const value = query.get('resourceVersion');
  if (!value || /^\d+$/.test(value)) return value ? Number(value) : undefined;
  const why = `strconv.ParseUint: parsing "${value}": invalid syntax`;
  throw error(`resourceVersion: Invalid value: "${value}": ${why}`);
}

export function wholeNumber(query: URLSearchParams, parameter: string): number {
  const value = query.get(parameter) || '0';
  if (!/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing "${value}": invalid syntax`);
  return Number(value);
}

export function tooLarge(wanted: number, current: number): StatusError {
  const what = 'Too large resource version';
  const details = { causes: [{ reason: 'ResourceVersionTooLarge', message: what }], retryAfterSeconds: 1 };
  return new StatusError(504, 'Timeout', `Timeout: ${what}: ${wanted}, current: ${current}`, details);
}

const encodeToken = (token: Token): string => Buffer.from(JSON.stringify(token)).toString('base64url');

function decodeToken(value: string | null): Token | undefined {
  if (!value) return undefined;
  try {
    const { version, after } = JSON.parse(Buffer.from(value, 'base64url').toString()) as Partial<Token>;
    if (typeof version === 'number' && typeof after === 'string') return { version, after };
  } catch {
    // Not one of ours: the answer below says so.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

/** 410; for a page it carries a token that goes on from the same key at the newest version. */
function tooOld(store: Store, token: Token | undefined): StatusError {
  const error = expired('The resourceVersion for the provided list is too old.');
  if (token) error.continue = encodeToken({ version: store.version, after: token.after });
  return error;
}

export type Matcher = (object: ApiObject) => boolean;

const LABEL_TERM =
  /^\s*(?:(!)\s*([\w./-]+)|([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)|([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)|([\w./-]+))\s*$/;
const FIELD_TERM = /^\s*([\w./-]+)\s*(==|=|!=)\s*(.*)$/;
/** Commas split terms, except inside the parentheses of `in` and `notin`. */
const terms = (selector: string): string[] => selector.split(/,(?![^(]*\))/).filter((term) => term.trim());

function labelTest(term: string): (labels: Record<string, string>) => boolean {
  const parts = LABEL_TERM.exec(term);
  if (!parts) throw badRequest(`unable to parse requirement: "${term.trim()}" is not a label requirement`);
  const [, not, absent = '', setKey, setOperator, values, key = '', operator, value, present = ''] = parts;
  if (not) return (labels) => labels[absent] === undefined;
  if (present) return (labels) => labels[present] !== undefined;
  if (!setKey) return (labels) => (labels[key] === value) === (operator !== '!=');
  const wanted = values?.split(',').map((one) => one.trim()) ?? [];
  return ({ [setKey]: label }) => (label !== undefined && wanted.includes(label)) === (setOperator === 'in');
}

function fieldTest(kind: Kind, term: string): Matcher {
  const [, field = '', operator, value] = FIELD_TERM.exec(term) ?? [];
  if (!operator) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  const own = kind.namespaced ? ['metadata.name', 'metadata.namespace'] : ['metadata.name'];
  const path = own.includes(field) ? `.${field}` : kind.selectable?.[field];
  if (!path) throw badRequest(`field label not supported: ${field}`);
  return (object) => (spell(valueAt(object, path)) === value) === (operator !== '!=');
}

export function matcherOf(kind: Kind, query: URLSearchParams): Matcher {
  const labels = terms(query.get('labelSelector') ?? '').map(labelTest);
  const fields = terms(query.get('fieldSelector') ?? '').map((term) => fieldTest(kind, term));
  return (object) =>
    labels.every((test) => test(object.metadata.labels ?? {})) && fields.every((test) => test(object));
}
