/** Every label of every metric, and where its values come from. None can be invented by a caller. */

export interface Label {
  /** Whose configuration gives the values; absent: the values are a fixed list. */
  readonly of?:
    | 'route'
    | 'rule'
    | 'asked'
    | 'provider'
    | 'vendor'
    | 'model'
    | 'experiment'
    | 'arm'
    | 'limit'
    | 'budget';
  readonly help: string;
}

export const LABELS = {
  route: { of: 'route', help: '`namespace/name` of the route; empty when none answered' },
  rule: {
    of: 'rule',
    help: 'name of the rule that matched; empty when none did; `signals.intents`, `signals.classifier`, `context.summarize`, `cache.semantic` and `experiment.mirror` for requests of the sidecar itself',
  },
  asked_model: { of: 'asked', help: 'the pattern in the `models` of the route that the asked model matched' },
  provider: { of: 'provider', help: '`namespace/name` of the provider' },
  model: { of: 'model', help: 'declared or catalogued name of the model; `_OTHER` for any other name' },
  status: { help: 'HTTP status sent to the caller; uncommon ones as `4xx`; 499 when it left before' },
  outcome: {
    help: '`OK`, `CallerError`, `Refused`, `Failed`, `Broken` or `Cancelled`; of hedges as their metric says',
  },
  kind: { help: 'kind of attempt, or kind of token' },
  result: { help: '`OK`, `Cancelled` or the failure class; of the cache as its metric says' },
  scope: { help: 'what was ejected: `Credential`, `CredentialModel`, `Model` or `Endpoint`' },
  to: { help: '`Open`, `HalfOpen` or `Closed`' },
  class: { help: 'priority class of the rule: `Critical`, `High`, `Normal`, `Low` or `Batch`' },
  source: { help: '`Provider`: what the provider said; `Estimated`: what we reckoned' },
  reason: { help: 'why, from a fixed list' },
  experiment: { of: 'experiment', help: 'name of the experiment' },
  arm: { of: 'arm', help: 'name of the arm; `_rest` for requests in none, `mirror.<target>` for copies' },
  limit: {
    of: 'limit',
    help: 'id of the limit of rates: `route/namespace/name/rule/limit` or `policy/namespace/name/limit`',
  },
  budget: {
    of: 'budget',
    help: 'id of the budget: `route/namespace/name/budget` or `policy/namespace/name/budget`',
  },
  purpose: {
    help: 'what the sidecar asked for: `Intents` (vectors of prompts and examples), `Classifier`, `Summary` (of older turns), `Cache` (vectors of questions), `Mirror` (copies), `HealthCheck`, `Batch` (lines of batches) or `Async` (deferred requests); of what is answered later as its metric says',
  },
  version: { help: 'version of the sidecar' },
  gen_ai_operation_name: { help: '`chat`, `text_completion`, `embeddings`, `rerank` or `count_tokens`' },
  gen_ai_provider_name: { of: 'vendor', help: '`openai`, or the name of an OpenAICompatible provider' },
  gen_ai_request_model: {
    of: 'model',
    help: 'declared or catalogued name of the model called; else `_OTHER`',
  },
  gen_ai_response_model: {
    of: 'model',
    help: 'declared or catalogued name of the model that answered; else `_OTHER`; empty without an answer',
  },
  gen_ai_token_modality: { help: '`text`, `audio` or `unknown`' },
  gen_ai_token_type: { help: '`input` or `output`' },
  error_type: { help: 'failure class the call ended with; empty when it did not fail' },
  outrider_route: { of: 'route', help: 'as `route`' },
  outrider_rule: { of: 'rule', help: 'as `rule`' },
} as const satisfies Record<string, Label>;

export type LabelName = keyof typeof LABELS;
