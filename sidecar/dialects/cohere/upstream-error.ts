/** Errors of Cohere: `{"id": "...", "message": "..."}`. */
import type { UpstreamError } from '../dialect.ts';

/** Bodies beyond this are not read for an error. */
const READ_LIMIT = 256 * 1024;

export function readErrorBody(body: Buffer): UpstreamError | undefined {
  if (body.length === 0 || body.length > READ_LIMIT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  const { message, data } = (value ?? {}) as { message?: unknown; data?: unknown };
  const said = typeof message === 'string' ? message : typeof data === 'string' ? data : undefined;
  return said === undefined
    ? undefined
    : { status: undefined, code: undefined, type: undefined, message: said };
}
