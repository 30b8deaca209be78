/** The rows that hold for every provider type. The first that fits decides, so the particular stand before the general. */
import type { FailureRow } from './failures.ts';

const CLIENT_ERRORS = [[400, 499]] as const;

export const COMMON_FAILURES: readonly FailureRow[] = [
  // Transport
  {
    event: 'Connect',
    class: 'Connect',
    scope: 'Endpoint',
    retry: 'Same',
    atOnce: true,
    note: 'DNS, TCP, TLS, or the connect timeout. No request was sent.',
  },
  {
    event: 'Reset',
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'The connection broke after the request left and before a response.',
  },
  {
    event: 'Broken',
    class: 'StreamError',
    scope: 'Model',
    retry: 'Same',
    note: 'The body broke off, or a stream ended without its terminal event.',
  },
  {
    event: 'Timeout',
    class: 'Timeout',
    scope: 'Model',
    retry: 'Same',
    note: 'firstToken, interToken, attempt, or the share of the time before commit.',
  },
  {
    event: 'Malformed',
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'A 2xx whose body is not what the endpoint promises, such as broken JSON.',
  },

  // The account cannot pay, whatever the status says
  {
    words: [
      'insufficient_quota',
      'billing_hard_limit_reached',
      'billing_not_active',
      'credit_balance_too_low',
    ],
    starts: [
      'you exceeded your current quota',
      'your credit balance is too low',
      'credit balance is too low',
      'credit balance too low',
    ],
    class: 'QuotaExhausted',
    scope: 'Credential',
    retry: 'OtherCredential',
    atOnce: true,
    note: 'Comes as 429, 400 or 403; waiting does not help.',
  },
  {
    status: [402],
    class: 'QuotaExhausted',
    scope: 'Credential',
    retry: 'OtherCredential',
    atOnce: true,
    note: 'Payment required.',
  },

  // The request is too large for the model or for the limit
  {
    status: [429],
    starts: ['request too large'],
    class: 'ContextWindow',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'Larger than the whole limit: a size error. It never cools a key down.',
  },
  {
    words: ['context_length_exceeded', 'exceed_context_size_error', 'model_context_window_exceeded'],
    contains: [
      'maximum context length',
      'exceeds the context window',
      'prompt is too long',
      'exceeds the available context',
    ],
    class: 'ContextWindow',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'Fails over only where the rule lists ContextWindow.',
  },

  // The vendor refuses the content
  {
    words: [
      'content_filter',
      'content_policy_violation',
      'moderation_blocked',
      'ResponsibleAIPolicyViolation',
    ],
    contains: ['content management policy', 'requires moderation', 'our safety system'],
    class: 'ContentFilter',
    scope: 'None',
    retry: 'OtherTarget',
    note: 'Fails over only where the rule lists ContentFilter.',
  },

  // Keys
  {
    status: [400, 403, 404],
    words: ['model_not_found', 'model_not_available', 'DeploymentNotFound'],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'Our deployment, or not open to this account; other models of the key are fine.',
  },
  {
    status: [401, 403],
    class: 'Unauthorized',
    scope: 'Credential',
    retry: 'OtherCredential',
    atOnce: true,
    note: 'Key wrong, revoked, or not allowed here.',
  },
  {
    inside200: true,
    words: ['authentication_error', 'invalid_api_key', 'permission_error', 'permission_denied'],
    class: 'Unauthorized',
    scope: 'Credential',
    retry: 'OtherCredential',
    atOnce: true,
    note: 'The same, told inside a 200.',
  },

  // Pace
  {
    status: [429],
    class: 'RateLimited',
    scope: 'CredentialModel',
    retry: 'Same',
    note: 'Ejects at once until its reset, if it names one; else it counts like any failure.',
  },
  {
    inside200: true,
    words: ['rate_limit_exceeded', 'rate_limit_error', 'requests', 'tokens'],
    class: 'RateLimited',
    scope: 'CredentialModel',
    retry: 'Same',
    note: 'The same, told inside a 200.',
  },

  // Not there
  {
    status: [404],
    words: ['unknown_url'],
    starts: [
      'the model ',
      'the requested model',
      'model "',
      "model '",
      'model `',
      'model not found',
      'no such model',
      'unknown model',
    ],
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'Model or endpoint is not deployed there.',
  },

  {
    status: [404, 405],
    foreign: true,
    class: 'ModelNotFound',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'No API answers at that URL.',
  },

  // The server
  {
    status: [[500, 599]],
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'Any 5xx, 529 (overloaded) included. Retry-After on a 503 or 529 is obeyed at once.',
  },
  {
    status: [408],
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'The vendor gave up waiting for a request that we had sent whole.',
  },
  {
    status: [[100, 399]],
    class: 'ServerError',
    scope: 'Model',
    retry: 'OtherTarget',
    note: 'Redirects are never followed, switched protocols never wanted: the URL is wrong.',
  },
  {
    inside200: true,
    words: [
      'server_error',
      'internal_error',
      'internal_server_error',
      'overloaded_error',
      'service_unavailable',
      'api_error',
    ],
    class: 'ServerError',
    scope: 'Model',
    retry: 'Same',
    note: 'An error disguised as success.',
  },

  // The caller
  {
    status: CLIENT_ERRORS,
    class: 'Caller',
    scope: 'None',
    retry: 'Never',
    note: 'Returned as it is; never counted, never failed over.',
  },
  {
    inside200: true,
    words: ['invalid_request_error'],
    class: 'Caller',
    scope: 'None',
    retry: 'Never',
    note: 'The same, told inside a 200.',
  },
  {
    class: 'StreamError',
    scope: 'Model',
    retry: 'Same',
    note: 'Any other error inside a 200.',
  },
];
