/**
 * Amazon Bedrock by its Converse API: one wire format for all of its models, streams as binary frames. A request is signed with
 * keys of AWS, or carries a key of Bedrock's own as a bearer token.
 */
import type { DialectName } from '../dialects/dialect.ts';
import type { FailureRow } from './failures.ts';
import type { ProviderType } from './provider-type.ts';
import { BEARER, FILE_HEADERS, NO_NAMES, REQUEST_HEADERS, RESPONSE_HEADERS } from './wire.ts';

const FAILURES: readonly FailureRow[] = [
  {
    status: [400, 403, 404],
    starts: [
      'the provided model identifier is invalid',
      "you don't have access to the model",
      'you don’t have access to the model',
      'invocation of model id',
      'could not resolve the foundation model',
      'this model version has reached the end of its life',
    ],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'Not in this region, not open to this account, or only through an inference profile.',
  },
  {
    status: [404],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'ResourceNotFoundException.',
  },
  {
    contains: ['input is too long for requested model', 'too many input tokens'],
    class: 'ContextWindow',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'The input is longer than the window.',
  },
  {
    status: [424],
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'ModelErrorException: the model failed on it.',
  },
  {
    inside200: true,
    words: ['throttlingException', 'ThrottlingException'],
    class: 'RateLimited',
    scope: 'CredentialModel',
    retry: 'Same',
    note: 'As a frame of the stream.',
  },
  {
    inside200: true,
    words: [
      'internalServerException',
      'modelStreamErrorException',
      'modelTimeoutException',
      'serviceUnavailableException',
    ],
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'As a frame of the stream.',
  },
  {
    inside200: true,
    words: ['validationException'],
    class: 'Caller',
    scope: 'None',
    retry: 'Never',
    note: 'As a frame of the stream.',
  },
];

const COMMON: Omit<ProviderType, 'name' | 'speaks'> = {
  auth: BEARER,
  signedFor: 'bedrock',
  requestHeaders: new Set(REQUEST_HEADERS),
  accountHeaders: NO_NAMES,
  responseHeaders: new Set([...RESPONSE_HEADERS, 'x-amzn-requestid', 'x-amzn-errortype']),
  fileHeaders: FILE_HEADERS,
  requestIdHeader: 'x-amzn-requestid',
  errorTypeHeader: 'x-amzn-errortype',
  retryAfter: { milliseconds: [], resets: [] },
  webSocketPaths: [],
  credentialProtocols: [],
  idleSocketMs: 55_000,
  billsAfterDisconnect: true,
  failures: FAILURES,
};

/** Embeddings have no Converse: each maker's models take bodies of their own. */
function invoked(dialect: DialectName): ProviderType {
  return {
    ...COMMON,
    name: 'Bedrock',
    speaks: [{ dialect, path: '/model/{model}/invoke', modelInPath: true }],
    inputTokensHeader: 'x-amzn-bedrock-input-token-count',
  };
}

const INFERENCE_PROFILES = ['', 'us.', 'eu.', 'apac.', 'jp.', 'au.', 'global.'];

export const BEDROCK: ProviderType = {
  ...COMMON,
  name: 'Bedrock',
  speaks: [
    {
      dialect: 'bedrock-converse',
      path: '/model/{model}/converse',
      streamPath: '/model/{model}/converse-stream',
      modelInPath: true,
      quirks: { imagesAsBytes: true, alternate: true },
    },
  ],
  variants: [
    { models: ['amazon.titan-embed-'], type: invoked('titan-embed') },
    { models: INFERENCE_PROFILES.map((area) => `${area}cohere.embed-`), type: invoked('cohere-invoke') },
  ],
};
