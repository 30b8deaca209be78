/** api.openai.com, and servers that speak its wire format. */
import type { ProviderType } from './provider-type.ts';

export const OPENAI: ProviderType = {
  name: 'OpenAI',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions' },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  auth: { header: 'authorization', prefix: 'Bearer ' },
  requestHeaders: new Set(['accept', 'content-type', 'openai-beta', 'user-agent']),
  accountHeaders: new Set(['openai-organization', 'openai-project']),
  responseHeaders: new Set([
    'content-type',
    'content-encoding',
    'openai-processing-ms',
    'openai-version',
    'request-id',
    'retry-after',
    'retry-after-ms',
    'x-request-id',
  ]),
  fileHeaders: new Set(['accept-ranges', 'content-disposition', 'content-range', 'etag', 'last-modified']),
  requestIdHeader: 'x-request-id',
  retryAfter: {
    milliseconds: ['retry-after-ms'],
    resets: [
      { remaining: 'x-ratelimit-remaining-requests', reset: 'x-ratelimit-reset-requests' },
      { remaining: 'x-ratelimit-remaining-tokens', reset: 'x-ratelimit-reset-tokens' },
      { remaining: 'x-ratelimit-remaining', reset: 'x-ratelimit-reset' },
    ],
  },
  webSocketPaths: ['/realtime'],
  credentialProtocols: ['openai-insecure-api-key.', 'openai-organization.', 'openai-project.'],
  idleSocketMs: 55_000,
  failures: [],
};

/** vLLM, Ollama, llama.cpp, gateways: the same wire format at an address of its own. */
export const OPENAI_COMPATIBLE: ProviderType = {
  ...OPENAI,
  name: 'OpenAICompatible',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions', quirks: { outputCap: 'max_tokens' } },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  // Many of these run on servers that close idle connections after a minute or less.
  idleSocketMs: 25_000,
};
