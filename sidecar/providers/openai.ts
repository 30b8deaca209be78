/** api.openai.com, and servers that speak its wire format. */
import type { ProviderType } from './provider-type.ts';
import { OPENAI_LIKE, REQUEST_HEADERS, RESPONSE_HEADERS } from './wire.ts';

/** Models that OpenAI serves by Responses alone. */
const RESPONSES_ONLY = [
  'o1-pro',
  'o3-pro',
  'o3-deep-research',
  'o4-mini-deep-research',
  'gpt-5-pro',
  'gpt-5-codex',
  'gpt-5.1-codex',
  'codex-mini',
  'computer-use-preview',
];

const OPENAI_PLAIN: Omit<ProviderType, 'speaks'> = {
  ...OPENAI_LIKE,
  name: 'OpenAI',
  requestHeaders: new Set([...REQUEST_HEADERS, 'openai-beta']),
  accountHeaders: new Set(['openai-organization', 'openai-project']),
  responseHeaders: new Set([...RESPONSE_HEADERS, 'openai-processing-ms', 'openai-version']),
  webSocketPaths: ['/realtime'],
  credentialProtocols: ['openai-insecure-api-key.', 'openai-organization.', 'openai-project.'],
};

export const OPENAI: ProviderType = {
  ...OPENAI_PLAIN,
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions' },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  variants: [
    {
      models: RESPONSES_ONLY,
      type: { ...OPENAI_PLAIN, speaks: [{ dialect: 'openai-responses', path: '/responses' }] },
    },
  ],
};

/** Gateways and servers of any kind: the same wire format at an address of its own. */
export const OPENAI_COMPATIBLE: ProviderType = {
  ...OPENAI_PLAIN,
  name: 'OpenAICompatible',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions', quirks: { outputCap: 'max_tokens' } },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  // Many of these run on servers that close idle connections after a minute or less.
  idleSocketMs: 25_000,
};
