/** The words of the Messages API for errors, and the HTTP statuses they belong to. */

const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

const STATUS_OF: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

export const typeOf = (status: number): string =>
  BY_STATUS[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');

/** Status an error of this type has outside a stream; undefined where the word is not of this API. */
export const statusOf = (type: string | undefined): number | undefined =>
  type === undefined ? undefined : STATUS_OF.get(type);
