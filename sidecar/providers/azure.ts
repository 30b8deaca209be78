/**
 * Azure OpenAI. Its v1 API is OpenAI's own below `/openai/v1`; the older one has a path for each deployment and takes the date
 * of its version as a parameter. Both take a key of the resource, or a token of Entra ID.
 */
import type { FailureRow } from './failures.ts';
import type { ProviderType } from './provider-type.ts';
import { OPENAI_LIKE, REQUEST_HEADERS, RESPONSE_HEADERS } from './wire.ts';

const FAILURES: readonly FailureRow[] = [
  {
    status: [400, 404],
    words: ['DeploymentNotFound', 'OperationNotSupported', 'unknown_model'],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'No deployment of the name, or one that cannot do this.',
  },
];

const AZURE: Omit<ProviderType, 'speaks'> = {
  ...OPENAI_LIKE,
  name: 'AzureOpenAI',
  auth: { header: 'api-key', prefix: '' },
  requestHeaders: new Set([...REQUEST_HEADERS, 'openai-beta', 'x-ms-client-request-id']),
  responseHeaders: new Set([
    ...RESPONSE_HEADERS,
    'apim-request-id',
    'x-ms-region',
    'x-ms-client-request-id',
    'openai-processing-ms',
  ]),
  requestIdHeader: 'apim-request-id',
  failures: FAILURES,
};

const deployment = (path: string) => `/openai/deployments/{model}${path}?api-version={apiVersion}`;

const DEPLOYMENTS: ProviderType = {
  ...AZURE,
  // The body may name the model, too: it is not looked at.
  speaks: [
    { dialect: 'openai-chat', path: deployment('/chat/completions') },
    { dialect: 'openai-responses', path: '/openai/responses?api-version={apiVersion}' },
    { dialect: 'openai-completions', path: deployment('/completions') },
    { dialect: 'openai-embeddings', path: deployment('/embeddings') },
  ],
};

export const AZURE_OPENAI: ProviderType = {
  ...AZURE,
  speaks: [
    { dialect: 'openai-chat', path: '/openai/v1/chat/completions' },
    { dialect: 'openai-responses', path: '/openai/v1/responses' },
    { dialect: 'openai-completions', path: '/openai/v1/completions' },
    { dialect: 'openai-embeddings', path: '/openai/v1/embeddings' },
  ],
  variants: [{ datedVersion: true, type: DEPLOYMENTS }],
};
