/** Errors of AWS: in an error answer, whose kind stands in a header, and as the message that ends a stream. */
import type { UpstreamError } from '../dialect.ts';

type Json = Record<string, unknown>;

/** Bodies beyond this are not read for an error. */
const READ_LIMIT = 256 * 1024;

/** What each would have been as an HTTP status. */
const STATUSES: Readonly<Record<string, number>> = {
  accessdenied: 403,
  internalserver: 500,
  modelerror: 424,
  modelnotready: 429,
  modelstreamerror: 424,
  modeltimeout: 408,
  resourcenotfound: 404,
  servicequotaexceeded: 400,
  serviceunavailable: 503,
  throttling: 429,
  validation: 400,
};

/** `{"message": "..."}`; some front ends add `__type`, and write `Message`. */
export function readErrorBody(body: Buffer): UpstreamError | undefined {
  if (body.length === 0 || body.length > READ_LIMIT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { message, Message, __type: kind } = value as Json;
  const said = text(message) ?? text(Message);
  if (said === undefined && text(kind) === undefined) return undefined;
  // `com.amazon.coral.service#ThrottlingException`, or with the address of a schema behind a colon.
  const type = text(kind)?.split('#').at(-1)?.split(':')[0];
  return { status: undefined, code: type, type, message: said ?? '' };
}

/** `kind`: of the message's header, such as `throttlingException`. */
export function streamError(kind: string, payload: Buffer): UpstreamError {
  const error = readErrorBody(payload);
  return {
    status: STATUSES[kind.replace(/Exception$/, '').toLowerCase()],
    code: kind,
    type: 'exception',
    message: error?.message ?? payload.toString('utf8', 0, 200),
  };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
