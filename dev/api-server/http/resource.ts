/** Requests for resources: path and method to handler, objects to answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { load } from 'js-yaml';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { Registry } from '../kinds/registry.ts';
import { type ApiObject, type Fields, isFields, omit } from '../object.ts';
import { tableOf } from '../present/table.ts';
import { listObjects } from '../storage/list.ts';
import type { Store } from '../storage/store.ts';
import { watch } from '../storage/watch.ts';
import { type WriteRequest, writeOptions } from '../write/decode.ts';
import { removed, removeObject } from '../write/remove.ts';
import { create, patch, patchTypesOf, replace, type Written } from '../write/write.ts';
import { readBody } from './guard.ts';
import { badRequest, methodNotAllowed, notFound, StatusError } from './status-error.ts';

export interface Context {
  registry: Registry;
  store: Store;
  now: () => Date;
  bookmarkEvery: number;
}

interface Target {
  kind: Kind;
  namespace: string | undefined;
  name: string | undefined;
  subresource: 'status' | undefined;
}

/** What a path under /api/v1 or /apis/GROUP/VERSION stands for; undefined where nothing is served. */
function targetOf(registry: Registry, path: string): Target | undefined {
  const [, api, ...parts] = path.split('/').map(decodeURIComponent);
  const [group = '', version = '', ...rest] = api === 'api' ? ['', ...parts] : parts;
  const inside = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status';
  const namespace = inside ? rest[1] : undefined;
  const [plural = '', name, subresource, ...more] = inside ? rest.slice(2) : rest;
  const kind = registry.find(group, version, plural);
  if (!kind || name === '') return undefined;
  if (kind.namespaced ? name !== undefined && !inside : inside) return undefined;
  const status = subresource === 'status' && kind.status && more.length === 0;
  if (subresource === undefined || status)
    return { kind, namespace, name, subresource: status ? 'status' : undefined };
  if (kind.custom) throw notFound(kind, name ?? '');
  return undefined;
}

/** Answers false where the path is no resource. */
export async function serveResource(
  context: Context,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
): Promise<boolean> {
  const target = targetOf(context.registry, url.pathname);
  if (!target) return false;
  const { store } = context;
  const { kind, namespace, name } = target;
  const { method = '', headers } = req;
  const query = url.searchParams;
  const now = context.now();
  const shape = accepted(headers.accept);
  const shown = (object: ApiObject): ApiObject => {
    return { ...(kind.fromStored?.(object) ?? object), apiVersion: apiVersionOf(kind), kind: kind.kind };
  };
  const table = (objects: ApiObject[], metadata: Fields, headers = true): Fields =>
    tableOf(kind, objects, metadata, {
      now,
      include: query.get('includeObject') ?? 'Metadata',
      headers,
      shown,
    });
  const one = (object: ApiObject, headers = true): Fields =>
    shape === 'JSON'
      ? shown(object)
      : table([object], { resourceVersion: object.metadata.resourceVersion }, headers);
  const many = (objects: ApiObject[], metadata: Fields): Fields => {
    if (shape === 'Table') return table(objects, metadata.continue ? metadata : omit(metadata, 'continue'));
    const items = objects.map((object) =>
      kind.custom ? shown(object) : omit(shown(object), 'apiVersion', 'kind'),
    );
    return { apiVersion: apiVersionOf(kind), items, kind: `${kind.kind}List`, metadata };
  };
  const existing = (): ApiObject => {
    const object = store.collection(kind).get(namespace, name);
    if (object) return object;
    throw notFound(kind, name ?? '');
  };

  if (method === 'GET') {
    const { bookmarkEvery } = context;
    const watched = name === undefined && ['true', '1'].includes(query.get('watch') ?? '');
    if (watched)
      watch(store, res, { kind, namespace, query, bookmarkEvery, show: one, shared: shape === 'JSON' });
    else if (name !== undefined) send(res, 200, one(existing()));
    else {
      const { items, metadata } = listObjects(store, kind, namespace, query);
      send(res, 200, many(items, metadata));
    }
    return true;
  }
  const type = (headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
  const forms: Record<string, string> = {
    POST: 'CreateOptions',
    PUT: 'UpdateOptions',
    PATCH: 'PatchOptions',
  };
  const patchType = method === 'PATCH' ? type : undefined;
  if (patchType !== undefined) checkMediaType(patchType, patchTypesOf(kind));
  const options = writeOptions(
    query,
    headers['user-agent'] ?? '',
    forms[method] ?? 'DeleteOptions',
    patchType,
  );
  const body = await readBody(req);
  if (method === 'DELETE') {
    if (target.subresource || (name === undefined && !kind.namespaced))
      throw methodNotAllowed(kind, 'delete');
    const wanted = body.length > 0 ? parse(body, type, kind) : {};
    const dryRun =
      options.dryRun || (isFields(wanted) && Array.isArray(wanted.dryRun) && wanted.dryRun.includes('All'));
    const remove = { store, kind, kinds: context.registry.kinds, now, dryRun };
    if (name !== undefined) {
      const object = existing();
      const left = removeObject(remove, object, wanted);
      send(res, 200, left ? shown(left) : removed(kind, object));
    } else {
      const { items, metadata } = listObjects(store, kind, namespace, query);
      for (const item of items) removeObject(remove, item, wanted);
      send(res, 200, many(items, { ...metadata, resourceVersion: String(store.version) }));
    }
    return true;
  }
  const write: WriteRequest = { ...target, store, options, now, warnings: [] };
  let written: Written;
  if (method === 'PATCH' && name !== undefined) written = patch(write, type, body.toString());
  else if (method === 'PUT' && name !== undefined) written = replace(write, parse(body, type, kind));
  else if (method === 'POST' && name === undefined && kind.namespaced === (namespace !== undefined)) {
    written = create(write, parse(body, type, kind));
  } else throw methodNotAllowed(kind, method.toLowerCase());
  const warnings = write.warnings.map((warning) => `299 - ${JSON.stringify(warning)}`);
  if (warnings.length > 0) res.setHeader('warning', warnings);
  send(res, written.created ? 201 : 200, one(written.object));
  return true;
}

/** Throws 406 where nothing the client accepts can be sent. */
function accepted(accept = '*/*'): 'JSON' | 'Table' {
  for (const range of accept.split(',')) {
    const [type = '', ...params] = range.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    if (['as=Table', 'g=meta.k8s.io', 'v=v1'].every((param) => params.includes(param))) return 'Table';
    if (!params.some((param) => param.startsWith('as='))) return 'JSON';
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json',
  );
}

function checkMediaType(type: string, known: string[]): void {
  if (known.includes(type)) return;
  const message = `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`;
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

export function send(
  res: ServerResponse,
  code: number,
  body: unknown,
  contentType = 'application/json',
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const length = Buffer.byteLength(text);
  res.writeHead(code, {
    'content-type': contentType,
    'content-length': length,
    'cache-control': 'no-cache, private',
  });
  res.end(text);
}
