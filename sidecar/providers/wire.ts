/** What vendors have in common, for their types to be made of. */
import type { AuthScheme, ProviderType, RetryAfterForms, Spoken } from './provider-type.ts';

export const BEARER: AuthScheme = { header: 'authorization', prefix: 'Bearer ' };
export const X_API_KEY: AuthScheme = { header: 'x-api-key', prefix: '' };

export const NO_NAMES: ReadonlySet<string> = new Set();

/** Headers about the request itself that any API may see. */
export const REQUEST_HEADERS = ['accept', 'content-type', 'user-agent'] as const;
/** Headers of an answer that any caller may see. */
export const RESPONSE_HEADERS = [
  'content-type',
  'content-encoding',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'x-request-id',
] as const;

export const FILE_HEADERS: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-disposition',
  'content-range',
  'etag',
  'last-modified',
]);

/** Limits of requests and of tokens, each with what remains and when it is full again. */
const OPENAI_LIMITS: RetryAfterForms = {
  milliseconds: ['retry-after-ms'],
  resets: [
    {
      of: 'Requests',
      limit: 'x-ratelimit-limit-requests',
      remaining: 'x-ratelimit-remaining-requests',
      reset: 'x-ratelimit-reset-requests',
    },
    {
      of: 'Tokens',
      limit: 'x-ratelimit-limit-tokens',
      remaining: 'x-ratelimit-remaining-tokens',
      reset: 'x-ratelimit-reset-tokens',
    },
    {
      of: 'Requests',
      limit: 'x-ratelimit-limit',
      remaining: 'x-ratelimit-remaining',
      reset: 'x-ratelimit-reset',
    },
  ],
};

/** A vendor of an OpenAI-like API with a bearer key; each type says where it differs. */
export const OPENAI_LIKE: Omit<ProviderType, 'name' | 'speaks'> = {
  auth: BEARER,
  requestHeaders: new Set(REQUEST_HEADERS),
  accountHeaders: NO_NAMES,
  responseHeaders: new Set(RESPONSE_HEADERS),
  fileHeaders: FILE_HEADERS,
  requestIdHeader: 'x-request-id',
  retryAfter: OPENAI_LIMITS,
  webSocketPaths: [],
  credentialProtocols: [],
  idleSocketMs: 55_000,
  failures: [],
};

/** The version of the API that the dialect is. Callers that name another keep it. */
export const ANTHROPIC_HEADERS: NonNullable<Spoken['headers']> = [['anthropic-version', '2023-06-01']];
/** A caller's headers that belong to the dialect. */
export const ANTHROPIC_REQUEST_HEADERS = ['anthropic-version', 'anthropic-beta'] as const;
/** Request headers of vendors that speak both. */
export const BOTH_REQUEST_HEADERS: ReadonlySet<string> = new Set([
  ...REQUEST_HEADERS,
  ...ANTHROPIC_REQUEST_HEADERS,
]);

/** Members of an OpenAI chat request that hosts of open models know; the system role is theirs for `developer` too. */
export const HOSTED = { outputCap: 'max_tokens', systemRole: 'system' } as const;
