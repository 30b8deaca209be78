/** Watches: a stream of JSON lines, from a version on or from the present state. */
import type { ServerResponse } from 'node:http';
import { invalidOptions, StatusError } from '../http/status-error.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { ApiObject, Fields } from '../object.ts';
import { tooLarge, versionOf, wholeNumber } from './list.ts';
import { matcherOf } from './selectors.ts';
import type { Change, Store } from './store.ts';

export interface WatchOptions {
  kind: Kind;
  namespace: string | undefined;
  query: URLSearchParams;
  /** How an object in storage form is shown; `first` is true once per watch. */
  show: (object: ApiObject, first: boolean) => unknown;
  /** Whether `show` answers the same for every watch of the kind, so that its text may be shared. */
  shared: boolean;
  /** Milliseconds between bookmarks. */
  bookmarkEvery: number;
}

const DEFAULT_TIMEOUT_SECONDS = 3600;
/** A reader this far behind is cut off: it can list again. */
const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;
/** Texts of changes by API group: many watchers of one kind read the same bytes. */
const texts = new WeakMap<Change, Record<string, string>>();
const isTrue = (value: string | null): boolean => value === 'true' || value === '1';
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

/** Throws before anything is written; afterwards errors travel as ERROR events. */
export function watch(store: Store, res: ServerResponse, options: WatchOptions): void {
  const { kind, namespace, query, shared } = options;
  checkOptions(query);
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const from = versionOf(query, (why) => new StatusError(500, '', why)) ?? 0;
  const asked = query.get('sendInitialEvents');
  const initial = asked === null ? from === 0 : isTrue(asked);
  const matches = matcherOf(kind, query);
  const collection = store.collection(kind);
  const seconds = wholeNumber(query, 'timeoutSeconds') || DEFAULT_TIMEOUT_SECONDS;
  let first = true;

  const write = (text: string): void => {
    if (res.writableLength > MAX_BACKLOG_BYTES) res.destroy();
    else res.write(text);
  };
  const show = (object: ApiObject): unknown => {
    const shown = options.show(object, first);
    first = false;
    return shown;
  };
  const bookmark = (annotations?: Fields): void => {
    const metadata = { resourceVersion: String(store.version), ...(annotations && { annotations }) };
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
    write(line('BOOKMARK', shared ? object : show(object as unknown as ApiObject)));
  };
  const send = (change: Change): void => {
    const { object, old } = change;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return;
    const before = old !== undefined && matches(old);
    const after = change.type !== 'DELETED' && matches(object);
    const type = !after ? 'DELETED' : before ? 'MODIFIED' : 'ADDED';
    if (!before && !after) return;
    if (shared && type === change.type) {
      const known = texts.get(change) ?? {};
      texts.set(change, known);
      known[kind.group] ??= line(type, show(object));
      return write(known[kind.group] as string);
    }
    // An object that leaves the selection is shown as it last matched, at the version of the change.
    const { resourceVersion = '' } = object.metadata;
    write(
      line(type, show(old && !after ? { ...old, metadata: { ...old.metadata, resourceVersion } } : object)),
    );
  };

  res.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  res.flushHeaders();
  try {
    if (initial && from > store.version) throw tooLarge(from, store.version);
    const present = initial ? collection.list(namespace).filter(([, object]) => matches(object)) : [];
    for (const [, object] of present) write(line('ADDED', show(object)));
    if (initial && bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
    if (!initial && from > 0) collection.since(from).forEach(send);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    res.end(line('ERROR', error.toStatus()));
    return;
  }
  collection.listeners.add(send);
  const ticks = bookmarks ? setInterval(bookmark, options.bookmarkEvery) : undefined;
  const end = setTimeout(() => {
    if (bookmarks) bookmark();
    res.end();
  }, seconds * 1000);
  res.once('close', () => {
    collection.listeners.delete(send);
    clearInterval(ticks);
    clearTimeout(end);
  });
}

function checkOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch');
  const detail = query.get('sendInitialEvents')
    ? 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
    : 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
  if ((match ?? '') === (query.get('sendInitialEvents') ? 'NotOlderThan' : '')) return;
  throw invalidOptions('ListOptions', [
    { type: 'FieldValueForbidden', field: 'resourceVersionMatch', detail },
  ]);
}
