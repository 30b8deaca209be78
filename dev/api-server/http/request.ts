/** A request before it is served: who may send it, what its path stands for, its body. */
import type { IncomingMessage } from 'node:http';
import { unescape } from 'node:querystring';
import { ERRORS } from '../../../errors/table.ts';
import type { Kind } from '../kinds/kind.ts';
import { notFound, StatusError } from './status-error.ts';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const MAX_BODY_BYTES = 3 * 1024 * 1024;

type Code = 'host_not_allowed' | 'origin_not_allowed' | 'bad_request_target';
function refuse(code: Code, params: Record<string, string>): StatusError {
  const { status, message } = ERRORS[code];
  const text = message.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
  return new StatusError(status, status === 400 ? 'BadRequest' : 'Forbidden', text);
}

/** Throws where a request must not be served, before its body is read. */
export function guard({ headers, url: target = '' }: IncomingMessage): void {
  const { host = '', origin } = headers;
  if (!LOOPBACK.includes(host.replace(/:\d+$/, '').toLowerCase())) throw refuse('host_not_allowed', { host });
  const { 'sec-fetch-site': site = 'none' } = headers;
  if (origin !== undefined || (site !== 'none' && site !== 'same-origin')) {
    throw refuse('origin_not_allowed', { origin: origin ?? site });
  }
  const path = target.split('?', 1)[0] ?? '';
  const bad = (reason: string) => refuse('bad_request_target', { target, reason });
  if (!path.startsWith('/')) throw bad('it does not start with "/"');
  if (/\/(\.|%2e){1,2}(\/|$)/i.test(path)) throw bad('it has dot segments');
  if (/%2f|%5c|\\/i.test(path)) throw bad('it has encoded slashes');
}

/** Throws 413 as soon as the body grows beyond 3 MiB. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    const message = `Request entity too large: limit is ${MAX_BODY_BYTES}`;
    if (size > MAX_BODY_BYTES) throw new StatusError(413, 'RequestEntityTooLarge', message);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export interface Target {
  kind: Kind;
  /** Undefined where the kind has none, or all are meant; so is the name of a collection. */
  namespace: string | undefined;
  name: string | undefined;
  subresource: 'status' | undefined;
}

/** Undefined where nothing is served. */
export function targetOf(kinds: readonly Kind[], path: string): Target | undefined {
  const [, api, ...parts] = path.split('/').map(unescape);
  const [group = '', version = '', ...rest] = api === 'api' ? ['', ...parts] : parts;
  const inside = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status';
  const [plural = '', name, part, ...more] = inside ? rest.slice(2) : rest;
  const kind = kinds.find((one) => one.group === group && one.version === version && one.plural === plural);
  if (!kind || name === '' || (kind.namespaced ? name !== undefined && !inside : inside)) return undefined;
  const subresource = part === 'status' && kind.status && more.length === 0 ? part : undefined;
  if (part === subresource) return { kind, namespace: inside ? rest[1] : undefined, name, subresource };
  if (kind.custom) throw notFound(kind, name ?? '');
  return undefined;
}
