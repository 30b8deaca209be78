/** Makers of models with an OpenAI-like API of their own: DeepSeek, xAI, Perplexity, Moonshot. */
import type { ProviderType } from './provider-type.ts';
import { ANTHROPIC_HEADERS, BOTH_REQUEST_HEADERS, HOSTED, OPENAI_LIKE, X_API_KEY } from './wire.ts';

export const DEEPSEEK: ProviderType = {
  ...OPENAI_LIKE,
  name: 'DeepSeek',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        ...HOSTED,
        reasoning: 'reasoning_content',
        refuses: ['logit_bias', 'n', 'parallel_tool_calls', 'seed', 'user'],
      },
    },
    {
      dialect: 'anthropic-messages',
      path: '/anthropic/v1/messages',
      fromHost: true,
      auth: X_API_KEY,
      headers: ANTHROPIC_HEADERS,
    },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  requestIdHeader: 'x-ds-trace-id',
  failures: [
    {
      status: [400],
      starts: ['model not exist'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'A 400 here.',
    },
  ],
};

export const XAI: ProviderType = {
  ...OPENAI_LIKE,
  name: 'XAI',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { systemRole: 'system', reasoning: 'reasoning_content', refuses: ['logit_bias'] },
    },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'openai-completions', path: '/completions' },
  ],
  failures: [
    {
      status: [400],
      starts: ['incorrect api key provided'],
      class: 'Unauthorized',
      scope: 'Credential',
      retry: 'OtherCredential',
      atOnce: true,
      note: 'A wrong key is a 400 here.',
    },
    {
      status: [403, 429],
      starts: ['your team ', 'your newly created team'],
      class: 'QuotaExhausted',
      scope: 'Credential',
      retry: 'OtherCredential',
      atOnce: true,
      note: 'No credits, or the spending limit is reached.',
    },
    {
      status: [400],
      contains: ['maximum prompt length is'],
      class: 'ContextWindow',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'The input is longer than the window.',
    },
  ],
};

export const PERPLEXITY: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Perplexity',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        ...HOSTED,
        alternate: true,
        refuses: [
          'logit_bias',
          'logprobs',
          'n',
          'parallel_tool_calls',
          'seed',
          'tool_choice',
          'tools',
          'top_logprobs',
          'user',
        ],
      },
    },
  ],
  failures: [
    {
      status: [400],
      words: ['invalid_model'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'A 400 here.',
    },
  ],
};

export const MOONSHOT: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Moonshot',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        ...HOSTED,
        reasoning: 'reasoning_content',
        imagesAsBytes: true,
        refuses: ['logit_bias', 'logprobs', 'seed', 'top_logprobs', 'user'],
      },
    },
    { dialect: 'openai-responses', path: '/responses' },
    {
      dialect: 'anthropic-messages',
      path: '/anthropic/v1/messages',
      fromHost: true,
      headers: ANTHROPIC_HEADERS,
      quirks: { imagesAsBytes: true, inputIncludesCache: true },
    },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  requestIdHeader: 'msh-request-id',
  failures: [
    {
      words: ['exceeded_current_quota_error'],
      class: 'QuotaExhausted',
      scope: 'Credential',
      retry: 'OtherCredential',
      atOnce: true,
      note: 'Comes as 429 or 403.',
    },
    {
      words: ['engine_overloaded_error'],
      class: 'ServerError',
      scope: 'Model',
      retry: 'Same',
      note: 'A 429 that is about the model and not about the key.',
    },
    {
      status: [404],
      words: ['resource_not_found_error'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'No such model for this key.',
    },
    {
      status: [400],
      contains: ['exceeded model token limit'],
      class: 'ContextWindow',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'Input and output together do not fit.',
    },
  ],
};
