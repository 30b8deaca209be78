/** Watches: a stream of JSON lines, from a version on or from the present state. */
import type { ServerResponse } from 'node:http';
import type { Target } from '../http/request.ts';
import { type FieldError, invalidOptions, StatusError } from '../http/status-error.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { ApiObject, ObjectMeta } from '../object.ts';
import type { View } from '../present/view.ts';
import { isTrue, matcherOf, tooLarge, versionOf, wholeNumber } from './list.ts';
import type { Change, Store } from './store.ts';

export interface WatchOptions extends Target {
  query: URLSearchParams;
  view: View;
  /** Milliseconds between bookmarks. */
  bookmarkEvery: number;
}

const DEFAULT_TIMEOUT_SECONDS = 3600;
/** A reader this far behind is cut off: it can list again. */
const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;
/** Many watchers of one kind read the same bytes. */
const texts = new WeakMap<Change, string>();

/** Throws before anything is written; afterwards errors travel as ERROR events. */
export function watch(store: Store, res: ServerResponse, options: WatchOptions): void {
  const { kind, namespace, query, view } = options;
  checkOptions(query);
  const bookmarks = isTrue(query, 'allowWatchBookmarks');
  const from = versionOf(query, (why) => new StatusError(500, '', why)) ?? 0;
  const initial = query.has('sendInitialEvents') ? isTrue(query, 'sendInitialEvents') : from === 0;
  const matches = matcherOf(kind, query);
  const collection = store.collection(kind);
  const seconds = wholeNumber(query, 'timeoutSeconds') || DEFAULT_TIMEOUT_SECONDS;
  let first = true;

  const write = (text: string): void => {
    if (res.writableLength > MAX_BACKLOG_BYTES) res.destroy();
    else res.write(text);
  };
  const line = (type: string, object: ApiObject): string => {
    const shown = view.one(object, first);
    first = false;
    return `${JSON.stringify({ type, object: shown })}\n`;
  };
  const bookmark = (annotations?: Record<string, string>): void => {
    const at = { resourceVersion: String(store.version), ...(annotations && { annotations }) };
    const metadata = at as unknown as ObjectMeta;
    write(line('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata }));
  };
  const send = (change: Change): void => {
    const { object, old } = change;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return;
    const before = old !== undefined && matches(old);
    const after = change.type !== 'DELETED' && matches(object);
    const type = !after ? 'DELETED' : before ? 'MODIFIED' : 'ADDED';
    if (!before && !after) return;
    if (view.plain && type === change.type) {
      const text = texts.get(change) ?? line(type, object);
      texts.set(change, text);
      return write(text);
    }
    // An object that leaves the selection is shown as it last matched, at the version of the change.
    const { resourceVersion = '' } = object.metadata;
    const left = { ...old, metadata: { ...old?.metadata, resourceVersion } } as ApiObject;
    write(line(type, after ? object : left));
  };

  res.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  res.flushHeaders();
  try {
    if (initial && from > store.version) throw tooLarge(from, store.version);
    const present = initial ? collection.list(namespace).filter(([, object]) => matches(object)) : [];
    for (const [, object] of present) write(line('ADDED', object));
    if (initial && bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
    if (!initial && from > 0) collection.since(from).forEach(send);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    res.end(`${JSON.stringify({ type: 'ERROR', object: error.toStatus() })}\n`);
    return;
  }
  collection.listeners.add(send);
  const ticks = bookmarks ? setInterval(bookmark, options.bookmarkEvery) : undefined;
  const timeout = setTimeout(() => {
    if (bookmarks) bookmark();
    stop();
    res.end();
  }, seconds * 1000);
  const stop = (): void => {
    collection.listeners.delete(send);
    clearInterval(ticks);
    clearTimeout(timeout);
  };
  res.once('close', stop);
}

function checkOptions(query: URLSearchParams): void {
  const initial = query.get('sendInitialEvents');
  if ((query.get('resourceVersionMatch') ?? '') === (initial ? 'NotOlderThan' : '')) return;
  const detail = initial
    ? 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
    : 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
  const error: FieldError = { type: 'FieldValueForbidden', field: 'resourceVersionMatch', detail };
  throw invalidOptions('ListOptions', [error]);
}
