/** Requests for resources: path and method to handler, objects to answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { load } from 'js-yaml';
import type { Kind } from '../kinds/kind.ts';
import { type ApiObject, isFields } from '../object.ts';
import { type View, viewOf } from '../present/view.ts';
import { isTrue, listObjects } from '../storage/list.ts';
import type { Store } from '../storage/store.ts';
import { watch } from '../storage/watch.ts';
import { writeOptions } from '../write/decode.ts';
import { removed, removeObject } from '../write/remove.ts';
import { create, patch, patchTypesOf, replace, type Written } from '../write/write.ts';
import { readBody, type Target, targetOf } from './request.ts';
import { badRequest, methodNotAllowed, notFound, StatusError } from './status-error.ts';

export interface Served {
  kinds: readonly Kind[];
  store: Store;
  now: () => Date;
  bookmarkEvery: number;
  req: IncomingMessage;
  res: ServerResponse;
  query: URLSearchParams;
}

/** Answers false where the path is no resource. */
export async function serveResource(served: Served, path: string): Promise<boolean> {
  const { kinds, now, req, query } = served;
  const target = targetOf(kinds, path);
  if (!target) return false;
  const view = viewOf(target.kind, query, req.headers.accept ?? '*/*', now);
  if (req.method === 'GET') read(served, target, view);
  else if (req.method === 'DELETE') await remove(served, target, view);
  else await write(served, target, view);
  return true;
}

function existing(store: Store, { kind, namespace, name }: Target): ApiObject {
  const object = store.collection(kind).get(namespace, name);
  if (object) return object;
  throw notFound(kind, name ?? '');
}

function read({ store, query, res, bookmarkEvery }: Served, target: Target, view: View): void {
  if (target.name !== undefined) send(res, 200, view.one(existing(store, target)));
  else if (isTrue(query, 'watch')) watch(store, res, { ...target, query, bookmarkEvery, view });
  else {
    const { items, metadata } = listObjects(store, target, query);
    send(res, 200, view.many(items, metadata));
  }
}

async function remove(served: Served, target: Target, view: View): Promise<void> {
  const { store, kinds, query, req, res, now } = served;
  const { kind, name, subresource } = target;
  if (subresource || (name === undefined && !kind.namespaced)) throw methodNotAllowed(kind, 'delete');
  const { dryRun } = writeOptions(query, '', 'DeleteOptions');
  const body = await readBody(req);
  const options = body.length > 0 ? parse(body, mediaType(req), kind) : {};
  const asked = isFields(options) && Array.isArray(options.dryRun) && options.dryRun.includes('All');
  const request = { store, kind, kinds, options, now: now(), dryRun: dryRun || asked };
  if (name !== undefined) {
    const object = existing(store, target);
    send(res, 200, removeObject(request, object) ?? removed(kind, object));
    return;
  }
  const { items, metadata } = listObjects(store, target, query);
  for (const item of items) removeObject(request, item);
  send(res, 200, view.many(items, { ...metadata, resourceVersion: String(store.version) }));
}

async function write({ req, res, query, store, now }: Served, target: Target, view: View): Promise<void> {
  const { kind, namespace, name } = target;
  const { method = '', headers } = req;
  const type = mediaType(req);
  if (method === 'PATCH') checkMediaType(type, patchTypesOf(kind));
  const form = { POST: 'CreateOptions', PATCH: 'PatchOptions' }[method] ?? 'UpdateOptions';
  const options = writeOptions(query, headers['user-agent'], form, method === 'PATCH' ? type : undefined);
  const warn = (text: string) => res.appendHeader('warning', `299 - ${JSON.stringify(text)}`);
  const request = { ...target, store, options, now: now(), warn };
  const body = await readBody(req);
  let written: Written;
  if (method === 'PATCH' && name !== undefined) written = patch(request, type, body.toString());
  else if (method === 'PUT' && name !== undefined) written = replace(request, parse(body, type, kind));
  else if (method === 'POST' && name === undefined && kind.namespaced === (namespace !== undefined)) {
    written = create(request, parse(body, type, kind));
  } else throw methodNotAllowed(kind, method.toLowerCase());
  send(res, written.created ? 201 : 200, view.one(written.object));
}

const mediaType = ({ headers }: IncomingMessage): string =>
  headers['content-type']?.split(';')[0]?.trim() ?? '';

function checkMediaType(type: string, known: string[]): void {
  if (known.includes(type)) return;
  // `kubectl create secret` and its like have no other way to send what they make.
  const advice = type.endsWith('.protobuf') ? ' (use --dry-run=client -o yaml | kubectl apply -f -)' : '';
  const list = `accepted media types include: ${known.join(', ')}${advice}`;
  const message = `the body of the request was in an unknown format - ${list}`;
  throw new StatusError(415, 'UnsupportedMediaType', message);
}

function parse(body: Buffer, type: string, kind: Kind): unknown {
  checkMediaType(type, ['application/json', 'application/yaml']);
  try {
    return type === 'application/yaml' ? load(body.toString()) : JSON.parse(body.toString());
  } catch (error) {
    const why = `couldn't get version/kind; json parse error: ${(error as Error).message}`;
    throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): ${why}`);
  }
}

export function send(res: ServerResponse, code: number, body: unknown, type = 'application/json'): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.setHeader('content-type', type);
  res.setHeader('content-length', Buffer.byteLength(text));
  res.setHeader('cache-control', 'no-cache, private');
  res.writeHead(code).end(text);
}
