/** The request target: only plain absolute paths are taken, so that a path means the same here and at a provider. */
import { OutriderError } from '../../errors/table.ts';

export interface RequestTarget {
  path: string;
  /** Without the question mark; empty where there is none. */
  query: string;
}

/** Unreserved, sub-delims, `:`, `@`, `/` and percent-encoding. */
const PATH = /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/;
const QUERY = /^[A-Za-z0-9._~!$&'()*+,;=:@%/?[\]{}|^"<> -]*$/;
const DOT_SEGMENT = /\/(\.|%2e){1,2}(\/|$)/i;
const ENCODED_SLASH = /%(2f|5c)/i;
const BROKEN_PERCENT = /%(?![0-9a-f]{2})/i;
const MAX_TARGET = 8192;
const SHOWN = 100;

/** Throws `bad_request_target` (400) saying what is wrong. */
export function parseTarget(target: string): RequestTarget {
  if (!target.startsWith('/')) refuse(target, 'it must start with "/"');
  if (target.length > MAX_TARGET) refuse(target, `it is longer than ${MAX_TARGET} characters`);
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (!PATH.test(path)) refuse(target, 'it holds characters that a path cannot have');
  if (path.includes('//')) refuse(target, 'it has an empty segment ("//")');
  if (path.includes('%')) {
    if (ENCODED_SLASH.test(path)) refuse(target, 'it has an encoded slash; write slashes plainly');
    if (BROKEN_PERCENT.test(path)) refuse(target, 'it has "%" without two hex digits');
  }
  if (DOT_SEGMENT.test(path)) refuse(target, 'it has a "." or ".." segment');
  if (query !== '' && !QUERY.test(query)) refuse(target, 'its query holds characters it cannot have');
  return { path, query };
}

function refuse(target: string, reason: string): never {
  const shown = target.replace(/[^\x20-\x7e]/g, '?').slice(0, SHOWN);
  throw new OutriderError('bad_request_target', { target: shown, reason });
}
