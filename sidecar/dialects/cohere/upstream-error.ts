/** Errors of Cohere: `{"id": "...", "message": "..."}`. */
import type { UpstreamError } from '../dialect.ts';
import { parseErrorBody } from '../error-body.ts';

export function readErrorBody(body: Buffer): UpstreamError | undefined {
  const value = parseErrorBody(body);
  const { message, data } = (value ?? {}) as { message?: unknown; data?: unknown };
  const said = typeof message === 'string' ? message : typeof data === 'string' ? data : undefined;
  return said === undefined
    ? undefined
    : { status: undefined, code: undefined, type: undefined, message: said };
}
