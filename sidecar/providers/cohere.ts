/** api.cohere.com, version 2. */
import type { FailureRow } from './failures.ts';
import type { ProviderType } from './provider-type.ts';
import { OPENAI_LIKE, REQUEST_HEADERS } from './wire.ts';

const FAILURES: readonly FailureRow[] = [
  {
    contains: ['too many tokens: '],
    class: 'ContextWindow',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'Prompt and prediction together do not fit.',
  },
  {
    status: [498],
    class: 'ContentFilter',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'Blocked by its content policy.',
  },
];

export const COHERE: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Cohere',
  speaks: [
    { dialect: 'cohere-chat', path: '/chat' },
    { dialect: 'cohere-embed', path: '/embed' },
    { dialect: 'rerank', path: '/rerank' },
  ],
  requestHeaders: new Set([...REQUEST_HEADERS, 'x-client-name']),
  requestIdHeader: 'x-debug-trace-id',
  retryAfter: { milliseconds: [], resets: [] },
  failures: FAILURES,
};
