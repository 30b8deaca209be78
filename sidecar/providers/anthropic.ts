/** api.anthropic.com. */
import type { FailureRow } from './failures.ts';
import type { ProviderType, RetryAfterForms } from './provider-type.ts';
import {
  ANTHROPIC_HEADERS,
  BOTH_REQUEST_HEADERS,
  FILE_HEADERS,
  NO_NAMES,
  RESPONSE_HEADERS,
  X_API_KEY,
} from './wire.ts';

/** Each limit with the RFC 3339 time at which it is full again. */
const LIMITS: RetryAfterForms = {
  milliseconds: [],
  resets: ['requests', 'tokens', 'input-tokens', 'output-tokens'].map((unit) => ({
    of: unit === 'requests' ? 'Requests' : 'Tokens',
    limit: `anthropic-ratelimit-${unit}-limit`,
    remaining: `anthropic-ratelimit-${unit}-remaining`,
    reset: `anthropic-ratelimit-${unit}-reset`,
  })),
};

export const ANTHROPIC_FAILURES: readonly FailureRow[] = [
  {
    words: ['billing_error'],
    class: 'QuotaExhausted',
    scope: 'Credential',
    retry: 'OtherCredential',
    atOnce: true,
    note: 'The account has a problem with its payment.',
  },
  {
    status: [404],
    starts: ['model:'],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'The message is `model: <name>`.',
  },
  {
    status: [413],
    words: ['request_too_large'],
    class: 'Caller',
    scope: 'None',
    retry: 'Never',
    note: 'More bytes than the API takes.',
  },
  {
    inside200: true,
    words: ['timeout_error'],
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'It took too long, told inside a 200.',
  },
  {
    inside200: true,
    words: ['billing_error', 'not_found_error', 'request_too_large'],
    class: 'Caller',
    scope: 'None',
    retry: 'Never',
    note: 'The request itself, told inside a 200.',
  },
];

export const ANTHROPIC: ProviderType = {
  name: 'Anthropic',
  speaks: [
    { dialect: 'anthropic-messages', path: '/messages', headers: ANTHROPIC_HEADERS },
    { dialect: 'anthropic-count-tokens', path: '/messages/count_tokens', headers: ANTHROPIC_HEADERS },
  ],
  auth: X_API_KEY,
  requestHeaders: BOTH_REQUEST_HEADERS,
  accountHeaders: NO_NAMES,
  responseHeaders: new Set([...RESPONSE_HEADERS, 'anthropic-organization-id']),
  fileHeaders: FILE_HEADERS,
  requestIdHeader: 'request-id',
  retryAfter: LIMITS,
  webSocketPaths: [],
  credentialProtocols: [],
  idleSocketMs: 55_000,
  failures: ANTHROPIC_FAILURES,
};
