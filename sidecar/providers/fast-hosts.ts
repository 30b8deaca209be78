/** Hosts of open models on hardware of their own: Groq, Cerebras, SambaNova. */
import type { ProviderType } from './provider-type.ts';
import { OPENAI_LIKE, RESPONSE_HEADERS } from './wire.ts';

export const GROQ: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Groq',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        systemRole: 'system',
        reasoning: 'reasoning',
        refuses: ['logit_bias', 'logprobs', 'n', 'top_logprobs'],
      },
    },
    { dialect: 'openai-responses', path: '/responses' },
  ],
  responseHeaders: new Set([...RESPONSE_HEADERS, 'x-groq-region']),
  failures: [
    {
      status: [498],
      class: 'RateLimited',
      scope: 'CredentialModel',
      retry: 'Same',
      note: 'The flex tier has no capacity now.',
    },
    {
      status: [413],
      starts: ['request too large'],
      class: 'ContextWindow',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'Larger than the whole limit of tokens per minute.',
    },
    {
      status: [400, 404],
      words: ['model_decommissioned'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'No longer served.',
    },
    {
      status: [400],
      words: ['json_validate_failed', 'tool_use_failed'],
      class: 'ServerError',
      scope: 'None',
      retry: 'Same',
      note: 'The model wrote a call or a document that does not fit its schema; another try may.',
    },
  ],
};

export const CEREBRAS: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Cerebras',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        systemRole: 'system',
        reasoning: 'reasoning',
        refuses: ['frequency_penalty', 'logit_bias', 'presence_penalty'],
      },
    },
    { dialect: 'openai-completions', path: '/completions' },
  ],
  retryAfter: {
    milliseconds: [],
    resets: ['requests', 'tokens'].flatMap((unit) =>
      ['minute', 'hour', 'day'].map((span) => ({
        of: unit === 'requests' ? ('Requests' as const) : ('Tokens' as const),
        limit: `x-ratelimit-limit-${unit}-${span}`,
        remaining: `x-ratelimit-remaining-${unit}-${span}`,
        reset: `x-ratelimit-reset-${unit}-${span}`,
      })),
    ),
  },
  failures: [
    {
      status: [429],
      words: ['queue_exceeded'],
      class: 'ServerError',
      scope: 'Model',
      retry: 'Same',
      note: 'The queue before the model is full, whoever asks.',
    },
  ],
};

export const SAMBANOVA: ProviderType = {
  ...OPENAI_LIKE,
  name: 'SambaNova',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        outputCap: 'max_tokens',
        systemRole: 'system',
        refuses: ['frequency_penalty', 'logit_bias', 'n', 'presence_penalty', 'seed'],
      },
    },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  retryAfter: {
    milliseconds: [],
    resets: [
      {
        of: 'Requests',
        limit: 'x-ratelimit-limit-requests',
        remaining: 'x-ratelimit-remaining-requests',
        reset: 'x-ratelimit-reset-requests',
      },
      {
        of: 'Requests',
        limit: 'x-ratelimit-limit-requests-day',
        remaining: 'x-ratelimit-remaining-requests-day',
        reset: 'x-ratelimit-reset-requests-day',
      },
    ],
  },
  failures: [
    {
      status: [410],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'The model was taken out of service.',
    },
  ],
};
