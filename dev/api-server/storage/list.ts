/** Lists: selectors, pages, and which version of the collection they show. */
import { badRequest, expired, invalidOptions, StatusError } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import type { ApiObject, Fields } from '../object.ts';
import { matcherOf } from './selectors.ts';
import type { Store } from './store.ts';

export interface ListResult {
  /** In storage form. */
  items: ApiObject[];
  metadata: Fields;
}

export function listObjects(
  store: Store,
  kind: Kind,
  namespace: string | undefined,
  query: URLSearchParams,
): ListResult {
  const collection = store.collection(kind);
  const match = query.get('resourceVersionMatch');
  if (match && !query.get('resourceVersion')) {
    const detail = 'resourceVersionMatch is forbidden unless resourceVersion is provided';
    throw invalidOptions('ListOptions', [
      { type: 'FieldValueForbidden', field: 'resourceVersionMatch', detail },
    ]);
  }
  const limit = wholeNumber(query, 'limit');
  const token = decodeToken(query.get('continue'));
  const wanted = versionOf(query, (why) => badRequest(`invalid resource version: ${why}`)) ?? 0;
  if (wanted > store.version) throw tooLarge(wanted, store.version);
  const version = token?.version ?? (match === 'Exact' ? wanted : undefined);
  if (version !== undefined && version < collection.compacted) throw tooOld(store, token);

  const matches = matcherOf(kind, query);
  const found = collection.list(namespace, token?.after, version).filter(([, object]) => matches(object));
  const page = limit > 0 ? found.slice(0, limit) : found;
  const rest = found.length - page.length;
  const shown = version ?? store.version;
  const filtered = query.get('labelSelector') || query.get('fieldSelector');
  return {
    items: page.map(([, object]) => object),
    metadata: {
      resourceVersion: String(shown),
      ...(kind.custom && { continue: '' }),
      ...(rest > 0 && { continue: encodeToken({ version: shown, after: page.at(-1)?.[0] ?? '' }) }),
      ...(rest > 0 && !filtered && { remainingItemCount: rest }),
    },
  };
}

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

export const tooLarge = (wanted: number, current: number): StatusError =>
  new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

interface Token {
  version: number;
  /** Key of the last object already listed. */
  after: string;
}
const encodeToken = (token: Token): string => Buffer.from(JSON.stringify(token)).toString('base64url');

function decodeToken(value: string | null): Token | undefined {
  if (!value) return undefined;
  try {
    const token = JSON.parse(Buffer.from(value, 'base64url').toString()) as Partial<Token>;
    if (typeof token.version === 'number' && typeof token.after === 'string') return token as Token;
  } catch {
    // Not one of ours: the answer below says so.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

/** 410; for a page it carries a token that goes on from the same key at the newest version. */
function tooOld(store: Store, token: Token | undefined): StatusError {
  if (!token) return expired('The resourceVersion for the provided list is too old.');
  const error = expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list.',
  );
  error.continue = encodeToken({ version: store.version, after: token.after });
  return error;
}
