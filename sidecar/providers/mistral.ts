/** api.mistral.ai. */
import type { FailureRow } from './failures.ts';
import type { ProviderType } from './provider-type.ts';
import { HOSTED, OPENAI_LIKE } from './wire.ts';

const FAILURES: readonly FailureRow[] = [
  {
    status: [400, 404],
    words: ['invalid_model'],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'No such model for this key.',
  },
];

export const MISTRAL: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Mistral',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        ...HOSTED,
        toolIds: 'Nine',
        // Unknown members are refused; its seed is called `random_seed`.
        refuses: [
          'logit_bias',
          'logprobs',
          'seed',
          'service_tier',
          'store',
          'stream_options',
          'top_logprobs',
          'user',
        ],
      },
    },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  requestIdHeader: 'mistral-correlation-id',
  retryAfter: {
    milliseconds: [],
    resets: [
      {
        of: 'Requests',
        limit: 'x-ratelimit-limit-req-minute',
        remaining: 'x-ratelimit-remaining-req-minute',
        reset: 'x-ratelimit-reset-req-minute',
      },
      {
        of: 'Tokens',
        limit: 'x-ratelimit-limit-tokens-minute',
        remaining: 'x-ratelimit-remaining-tokens-minute',
        reset: 'x-ratelimit-reset-tokens-minute',
      },
    ],
  },
  failures: FAILURES,
};
