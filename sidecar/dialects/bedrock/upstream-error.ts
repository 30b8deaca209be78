/** Errors of AWS: in an error answer, whose kind stands in a header, and as the message that ends a stream. */
import type { UpstreamError } from '../dialect.ts';
import { parseErrorBody } from '../error-body.ts';
import { isObject, wordsOf } from '../json/parsed.ts';

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
  const value = parseErrorBody(body);
  if (!isObject(value)) return undefined;
  const { message, Message, __type: kind } = value;
  const said = wordsOf(message) ?? wordsOf(Message);
  if (said === undefined && wordsOf(kind) === undefined) return undefined;
  // `com.amazon.coral.service#ThrottlingException`, or with the address of a schema behind a colon.
  const type = wordsOf(kind)?.split('#').at(-1)?.split(':')[0];
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
