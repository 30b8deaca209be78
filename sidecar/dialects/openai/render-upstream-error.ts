/** A vendor's error as clients of the OpenAI API expect it: type by status, the vendor's own words. */
import type { UpstreamError } from '../dialect.ts';

export function renderUpstreamError(error: UpstreamError, status: number): Buffer {
  const message = error.message === '' ? `the provider answered with status ${status}` : error.message;
  return Buffer.from(
    JSON.stringify({
      error: { message, type: errorType(status), param: null, code: error.code ?? error.type ?? null },
    }),
  );
}

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
};

export function errorType(status: number): string {
  return TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
}
