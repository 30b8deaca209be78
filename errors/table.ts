/**
 * The one table of errors that users can meet: in HTTP answers, on the command line, in logs.
 *
 * Code branches on `code`, never on text. `message` names the field, the value and what would be right; `{param}` is filled
 * from the error's params. `retryable` tells clients whether the same request may succeed later. The reference page
 * `docs/reference/errors.md` is generated from here.
 */

export interface ErrorDefinition {
  /** HTTP status the sidecar or operator answers with. */
  status: number;
  message: string;
  retryable: boolean;
}

export const ERRORS = {
  // Listener
  host_not_allowed: {
    status: 421,
    retryable: false,
    message: 'Host "{host}" is not served here; use 127.0.0.1, localhost or [::1]',
  },
  origin_not_allowed: {
    status: 403,
    retryable: false,
    message: 'requests from web pages (Origin "{origin}") are refused unless the origin is listed',
  },
  content_type_required: {
    status: 415,
    retryable: false,
    message: 'content-type is "{contentType}"; this endpoint takes application/json',
  },
  content_encoding_unsupported: {
    status: 415,
    retryable: false,
    message: 'content-encoding is "{encoding}"; use gzip, deflate, br, zstd or none',
  },
  bad_request_target: {
    status: 400,
    retryable: false,
    message: 'request target "{target}" is not a plain absolute path: {reason}',
  },
  listener_token_required: {
    status: 401,
    retryable: false,
    message: 'this sidecar expects the token injected into the pod as the API key',
  },
  endpoint_not_found: { status: 404, retryable: false, message: 'no endpoint {method} {path}; {hint}' },
  method_not_allowed: { status: 405, retryable: false, message: '{path} takes {allowed}, not {method}' },
  body_too_large: { status: 413, retryable: false, message: 'request body exceeds {limit} bytes' },
  memory_full: {
    status: 503,
    retryable: true,
    message: 'the sidecar holds {limit} bytes of requests and can take no more now',
  },
  parse_budget_spent: {
    status: 503,
    retryable: true,
    message:
      'the request body of {bytes} bytes has to be parsed, and large request bodies have had their {limit} of parsing',
  },
  draining: { status: 503, retryable: true, message: 'the sidecar is shutting down' },

  // Envelope
  invalid_json: { status: 400, retryable: false, message: 'request body is not valid JSON: {reason}' },
  duplicate_member: { status: 400, retryable: false, message: 'request body has "{member}" more than once' },
  escaped_member: {
    status: 400,
    retryable: false,
    message:
      'a top-level name in the request body is written with an escape at byte {offset}; write it plainly',
  },
  invalid_member: { status: 400, retryable: false, message: '{member} is {value}; it must be {expected}' },
  missing_member: { status: 400, retryable: false, message: '{member} is required; {expected}' },

  feedback_unknown_request: {
    status: 404,
    retryable: false,
    message:
      'request {id} is not known here: feedback is taken for the last {count} requests that this sidecar answered',
  },

  // Answered later
  spool_missing: {
    status: 503,
    retryable: false,
    message:
      '{what} are kept in a directory or a store, and this sidecar has neither: start it with --spool-dir DIR (OUTRIDER_SPOOL_DIR) or --spool-url URL (OUTRIDER_SPOOL_URL)',
  },
  spool_unusable: {
    status: 503,
    retryable: true,
    message: 'what --spool-dir or --spool-url names cannot be used now; the log of the sidecar says why',
  },
  spool_full: { status: 503, retryable: true, message: 'the spool holds {what} and takes no more now' },
  later_not_found: { status: 404, retryable: false, message: 'no {kind} "{id}" is kept here' },
  file_in_use: {
    status: 409,
    retryable: false,
    message: 'file {id} is the input of a batch that has not ended; cancel the batch first',
  },
  batch_over: { status: 409, retryable: false, message: 'batch {id} is {state} and cannot be cancelled' },
  batch_not_allowed: {
    status: 400,
    retryable: false,
    message: 'rule {rule} of route {route} takes no lines of batches: it has no batch',
  },
  batch_closed: {
    status: 503,
    retryable: true,
    message: 'rule {rule} of route {route} takes lines of batches from {opens} on',
  },
  webhook_not_allowed: { status: 400, retryable: false, message: 'x-outrider-webhook is refused: {reason}' },

  // Routing
  config_unavailable: {
    status: 503,
    retryable: true,
    message: 'no configuration has reached this sidecar yet',
  },
  model_ambiguous: {
    status: 400,
    retryable: false,
    message: 'the request names no model and routes {routes} could serve it; name a model',
  },
  no_route: { status: 404, retryable: false, message: 'no route serves model "{model}" here; {hint}' },
  no_rule_matched: {
    status: 404,
    retryable: false,
    message: 'route {route} serves model "{model}" but none of its rules matched this request',
  },
  route_invalid: {
    status: 503,
    retryable: false,
    message: 'route {route} is invalid and has no earlier version here: {reason}',
  },
  no_target: {
    status: 503,
    retryable: false,
    message: 'rule {rule} of route {route} has no target that can serve this request: {reasons}',
  },
  rate_limited: {
    status: 429,
    retryable: true,
    message: 'rule {rule} of route {route} has no target with headroom now: {reasons}',
  },
  rate_limit_exceeded: {
    status: 429,
    retryable: true,
    message: 'limit {limit} of rule {rule} of route {route} is reached: {reason}',
  },
  admission_timeout: {
    status: 429,
    retryable: true,
    message: 'no target of rule {rule} of route {route} had headroom within {waited}',
  },
  admission_shed: {
    status: 429,
    retryable: true,
    message:
      'too many requests wait for headroom; those of class {class}, as rule {rule} of route {route} has it, are refused first',
  },
  budget_exhausted: {
    status: 429,
    retryable: false,
    message: 'budget {budget} has nothing left for {key}: {reason}',
  },
  budget_unavailable: {
    status: 503,
    retryable: true,
    message: 'no part of budget {budget} could be had for {key}: {reason}',
  },
  budget_cost_unknown: {
    status: 503,
    retryable: false,
    message: 'target {target} cannot be asked under budget {budget}: {reason}',
  },
  budget_unbounded: {
    status: 400,
    retryable: false,
    message: 'budget {budget} is Strict, and what target {target} may cost has no upper bound: {reason}',
  },
  budget_unmetered: {
    status: 403,
    retryable: false,
    message:
      "nobody can tell what requests to {path} cost, so budget {budget} refuses them; unmetered: Allow on rule {rule} lets them pass a budget of the route's own namespace",
  },
  request_too_large_for_targets: {
    status: 400,
    retryable: false,
    message: 'rule {rule} of route {route} has no target that can serve this request: {reasons}',
  },
  target_not_permitted: {
    status: 503,
    retryable: false,
    message: 'target {target} must not see this request: {reason}',
  },
  request_not_translatable: {
    status: 400,
    retryable: false,
    message: 'the target speaks another dialect, in which this request cannot be said: {reason}',
  },
  media_unavailable: {
    status: 400,
    retryable: false,
    message:
      'the image or file linked at {host} cannot be fetched for a target that needs its bytes: {reason}',
  },
  stateful_unsupported: {
    status: 400,
    retryable: false,
    message:
      'the request needs what a provider keeps, and rule {rule} of route {route} has no target for that: {reasons}',
  },

  // Dispatch
  upstream_connect: { status: 502, retryable: true, message: 'target {target} could not be reached' },
  upstream_timeout: {
    status: 504,
    retryable: true,
    message: 'target {target} did not answer in time ({timeout})',
  },
  upstream_failed: { status: 502, retryable: true, message: 'target {target} failed: {reason}' },
  upstream_stream_broken: {
    status: 502,
    retryable: true,
    message: 'the response of target {target} broke off: {reason}',
  },
  websocket_handshake: {
    status: 400,
    retryable: false,
    message: 'this path takes WebSocket connections and the request does not open one: {reason}',
  },
  credential_unavailable: {
    status: 503,
    retryable: true,
    message: 'credential {credential} has not reached this sidecar',
  },
  request_timeout: { status: 504, retryable: true, message: 'the request took longer than {timeout}' },
  client_stalled: {
    status: 408,
    retryable: false,
    message: 'the caller did not read its response for {timeout}',
  },
  internal_error: {
    status: 500,
    retryable: true,
    message: 'unexpected failure; the log of the sidecar has request {id}',
  },

  // Sync
  identity_required: {
    status: 401,
    retryable: false,
    message: 'a projected ServiceAccount token with audience "outrider" is required: {reason}',
  },
  identity_unverifiable: {
    status: 503,
    retryable: true,
    message: 'the token cannot be verified now: the API server gave no keys to verify it with',
  },
  snapshot_not_found: {
    status: 404,
    retryable: true,
    message: 'snapshot {hash} is not the one this pod should run',
  },
  not_leader: { status: 421, retryable: true, message: 'this replica is not the leader; send to {leader}' },
  protocol_too_old: {
    status: 426,
    retryable: false,
    message: 'protocol {version} is older than {oldest}; restart the pod to get a newer sidecar',
  },
  bad_report: { status: 400, retryable: false, message: 'report is malformed: {reason}' },
  sync_failed: { status: 500, retryable: true, message: 'unexpected failure while answering a sidecar' },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** An error a user can meet. `params` fill the message; `retryAfterMs` becomes Retry-After. */
export class OutriderError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly params: Readonly<Record<string, string | number>>;
  retryAfterMs: number | undefined;

  constructor(code: ErrorCode, params: Record<string, string | number> = {}, retryAfterMs?: number) {
    const definition = ERRORS[code];
    super(definition.message.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? '')));
    this.name = 'OutriderError';
    this.code = code;
    this.status = definition.status;
    this.retryable = definition.retryable;
    this.params = params;
    this.retryAfterMs = retryAfterMs;
  }
}
