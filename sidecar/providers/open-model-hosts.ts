/** Hosts of open models by the token: Together, Fireworks, DeepInfra, Hugging Face, NVIDIA. */
import type { ProviderType } from './provider-type.ts';
import { ANTHROPIC_HEADERS, BOTH_REQUEST_HEADERS, HOSTED, OPENAI_LIKE, RESPONSE_HEADERS } from './wire.ts';

export const TOGETHER: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Together',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions', quirks: { ...HOSTED, reasoning: 'reasoning' } },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
    { dialect: 'rerank', path: '/rerank' },
  ],
  retryAfter: {
    milliseconds: [],
    resets: [
      {
        of: 'Requests',
        limit: 'x-ratelimit-limit',
        remaining: 'x-ratelimit-remaining',
        reset: 'x-ratelimit-reset',
      },
      {
        of: 'Tokens',
        limit: 'x-tokenlimit-limit',
        remaining: 'x-tokenlimit-remaining',
        reset: 'x-tokenlimit-reset',
      },
    ],
  },
  failures: [
    {
      status: [400, 413, 422],
      contains: ['tokens + `max_new_tokens` must be', '`inputs` must have less than'],
      class: 'ContextWindow',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'Input and output together do not fit.',
    },
    {
      status: [400, 404],
      starts: ['unable to access model', 'unable to access non-serverless model'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'Not there, or only on a dedicated endpoint.',
    },
  ],
};

export const FIREWORKS: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Fireworks',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { ...HOSTED, reasoning: 'reasoning_content' },
    },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'anthropic-messages', path: '/messages', headers: ANTHROPIC_HEADERS },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
    { dialect: 'rerank', path: '/rerank' },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  failures: [
    {
      status: [412],
      class: 'QuotaExhausted',
      scope: 'Credential',
      retry: 'OtherCredential',
      atOnce: true,
      note: 'The account is suspended, as at its spending limit.',
    },
  ],
};

export const DEEPINFRA: ProviderType = {
  ...OPENAI_LIKE,
  name: 'DeepInfra',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { ...HOSTED, reasoning: 'reasoning_content' },
    },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  failures: [
    {
      status: [429],
      starts: ['model busy'],
      class: 'ServerError',
      scope: 'Model',
      retry: 'Same',
      note: 'The model has no room, whoever asks.',
    },
  ],
};

export const HUGGING_FACE: ProviderType = {
  ...OPENAI_LIKE,
  name: 'HuggingFace',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions', quirks: HOSTED },
    { dialect: 'openai-responses', path: '/responses' },
  ],
  responseHeaders: new Set([...RESPONSE_HEADERS, 'x-inference-provider']),
  failures: [
    {
      status: [400],
      starts: ['the requested model '],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'No enabled provider serves it.',
    },
  ],
};

export const NVIDIA_NIM: ProviderType = {
  ...OPENAI_LIKE,
  name: 'NVIDIANIM',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { ...HOSTED, reasoning: 'reasoning_content' },
    },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  responseHeaders: new Set([...RESPONSE_HEADERS, 'nvcf-reqid', 'nvcf-status']),
  requestIdHeader: 'nvcf-reqid',
  failures: [
    {
      status: [404],
      starts: ["function '"],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'No function serves the model for this account.',
    },
  ],
};
