/** Doors to models of many makers: OpenRouter, Cloudflare Workers AI, Databricks. */
import type { ProviderType } from './provider-type.ts';
import { ANTHROPIC_HEADERS, BOTH_REQUEST_HEADERS, HOSTED, OPENAI_LIKE, RESPONSE_HEADERS } from './wire.ts';

export const OPENROUTER: ProviderType = {
  ...OPENAI_LIKE,
  name: 'OpenRouter',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { ...HOSTED, reasoning: 'reasoning' },
    },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'anthropic-messages', path: '/messages', headers: ANTHROPIC_HEADERS },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  requestHeaders: new Set([...BOTH_REQUEST_HEADERS, 'http-referer', 'x-title']),
  responseHeaders: new Set([...RESPONSE_HEADERS, 'x-generation-id']),
  requestIdHeader: 'x-generation-id',
  failures: [
    {
      status: [402],
      starts: ['this request requires more credits'],
      class: 'QuotaExhausted',
      scope: 'None',
      retry: 'OtherCredential',
      note: 'Too dear for what is left: a smaller request may still be paid for, so the key stays in service.',
    },
    {
      status: [404],
      starts: ['no endpoints found', 'no allowed providers'],
      class: 'ModelNotFound',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'Nobody behind it serves the model with what this request asks for.',
    },
    {
      status: [400],
      contains: ['is not a valid model id'],
      class: 'ModelNotFound',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'A 400 here.',
    },
  ],
};

export const CLOUDFLARE_WORKERS_AI: ProviderType = {
  ...OPENAI_LIKE,
  name: 'CloudflareWorkersAI',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions', quirks: { ...HOSTED, imagesAsBytes: true } },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  responseHeaders: new Set([...RESPONSE_HEADERS, 'cf-ray', 'cf-ai-req-id']),
  requestIdHeader: 'cf-ai-req-id',
  failures: [
    {
      words: ['3036', '4006'],
      class: 'QuotaExhausted',
      scope: 'Credential',
      retry: 'OtherCredential',
      atOnce: true,
      note: "The day's allocation is used up.",
    },
    {
      words: ['3040'],
      class: 'ServerError',
      scope: 'Model',
      retry: 'Same',
      note: 'No capacity for the model now, whoever asks.',
    },
    {
      words: ['5007'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'No such model.',
    },
  ],
};

export const DATABRICKS: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Databricks',
  speaks: [
    { dialect: 'openai-chat', path: '/chat/completions', quirks: HOSTED },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'anthropic-messages', path: '/anthropic/v1/messages', headers: ANTHROPIC_HEADERS },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  failures: [
    {
      status: [400, 404],
      words: ['ENDPOINT_NOT_FOUND', 'RESOURCE_DOES_NOT_EXIST'],
      class: 'ModelNotFound',
      scope: 'Model',
      retry: 'OtherTarget',
      note: 'No serving endpoint of the name.',
    },
    {
      inside200: true,
      words: ['REQUEST_LIMIT_EXCEEDED'],
      class: 'RateLimited',
      scope: 'CredentialModel',
      retry: 'Same',
      note: 'The same as a 429, told inside a 200.',
    },
  ],
};
