/**
 * Google's two doors to its models: the Gemini API with a key, and Vertex AI with a project's identity. Vertex AI serves models
 * of Anthropic too, in their own wire format. Keys go in a header, never in the URL.
 */
import { ANTHROPIC_FAILURES } from './anthropic.ts';
import type { FailureRow } from './failures.ts';
import type { ProviderType } from './provider-type.ts';
import {
  ANTHROPIC_REQUEST_HEADERS,
  BEARER,
  FILE_HEADERS,
  REQUEST_HEADERS,
  RESPONSE_HEADERS,
} from './wire.ts';

const FAILURES: readonly FailureRow[] = [
  {
    status: [429],
    words: ['RESOURCE_EXHAUSTED'],
    class: 'RateLimited',
    scope: 'CredentialModel',
    retry: 'Same',
    note: 'Quotas are per minute and per day; the text speaks of a "current quota" for both.',
  },
  {
    status: [400],
    starts: ['api key not valid', 'api key expired', 'api_key_invalid'],
    class: 'Unauthorized',
    scope: 'Credential',
    retry: 'OtherCredential',
    atOnce: true,
    note: 'A wrong key is a 400 here.',
  },
  {
    status: [400],
    words: ['FAILED_PRECONDITION'],
    class: 'Unauthorized',
    scope: 'Credential',
    retry: 'OtherCredential',
    note: 'The account lacks billing, or may not be used from here.',
  },
  {
    contains: ['exceeds the maximum number of tokens allowed'],
    class: 'ContextWindow',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'The input is longer than the window.',
  },
  {
    status: [404],
    starts: ['models/', 'publisher model'],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'No such model in this version or place.',
  },
];

const GOOGLE: Omit<ProviderType, 'name' | 'speaks'> = {
  auth: { header: 'x-goog-api-key', prefix: '' },
  requestHeaders: new Set([...REQUEST_HEADERS, 'x-goog-api-client']),
  accountHeaders: new Set(['x-goog-user-project']),
  responseHeaders: new Set([...RESPONSE_HEADERS, 'server-timing']),
  fileHeaders: FILE_HEADERS,
  requestIdHeader: 'x-request-id',
  retryAfter: { milliseconds: [], resets: [], inBody: 'RetryInfo' },
  webSocketPaths: [],
  credentialProtocols: [],
  idleSocketMs: 55_000,
  failures: FAILURES,
};

export const GEMINI: ProviderType = {
  ...GOOGLE,
  name: 'Gemini',
  serviceTierHeader: 'x-gemini-service-tier',
  speaks: [
    {
      dialect: 'gemini',
      path: '/models/{model}:generateContent',
      streamPath: '/models/{model}:streamGenerateContent?alt=sse',
      modelInPath: true,
      quirks: { imagesAsBytes: true },
    },
    { dialect: 'openai-embeddings', path: '/openai/embeddings', auth: BEARER },
  ],
};

const PUBLISHERS = '/projects/{project}/locations/{location}/publishers';

const VERTEX_ANTHROPIC: ProviderType = {
  ...GOOGLE,
  name: 'VertexAI',
  requestHeaders: new Set([...GOOGLE.requestHeaders, ...ANTHROPIC_REQUEST_HEADERS]),
  speaks: [
    {
      dialect: 'anthropic-messages',
      path: `${PUBLISHERS}/anthropic/models/{model}:rawPredict`,
      streamPath: `${PUBLISHERS}/anthropic/models/{model}:streamRawPredict`,
      modelInPath: true,
      quirks: { anthropicVersion: 'vertex-2023-10-16', imagesAsBytes: true },
    },
  ],
  failures: [...ANTHROPIC_FAILURES, ...FAILURES],
};

const VERTEX_TEXT_EMBEDDINGS: ProviderType = {
  ...GOOGLE,
  name: 'VertexAI',
  speaks: [
    { dialect: 'vertex-predict', path: `${PUBLISHERS}/google/models/{model}:predict`, modelInPath: true },
  ],
};

const VERTEX_EMBEDDINGS: ProviderType = {
  ...GOOGLE,
  name: 'VertexAI',
  speaks: [
    { dialect: 'vertex-embed', path: `${PUBLISHERS}/google/models/{model}:embedContent`, modelInPath: true },
  ],
};

export const VERTEX_AI: ProviderType = {
  ...GOOGLE,
  name: 'VertexAI',
  speaks: [
    {
      dialect: 'gemini',
      path: `${PUBLISHERS}/google/models/{model}:generateContent`,
      streamPath: `${PUBLISHERS}/google/models/{model}:streamGenerateContent?alt=sse`,
      modelInPath: true,
      quirks: { imagesAsBytes: true },
    },
  ],
  variants: [
    { models: ['claude-'], type: VERTEX_ANTHROPIC },
    {
      models: [
        'text-embedding-',
        'text-multilingual-embedding-',
        'textembedding-gecko',
        'gemini-embedding-001',
      ],
      type: VERTEX_TEXT_EMBEDDINGS,
    },
    { models: ['gemini-embedding-'], type: VERTEX_EMBEDDINGS },
  ],
};
