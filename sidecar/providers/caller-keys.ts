/** Headers in which callers bring keys of their own, as the vendors' SDKs send them; the first that is there counts. */
export const CALLER_KEY_HEADERS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'] as const;
