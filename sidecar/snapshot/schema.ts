/**
 * The contract between operator and sidecar: what `operator/compile` produces and the sidecar runs.
 *
 * Everything here is JSON. Defaults are already applied, durations are milliseconds, prices are integers in pico-USD
 * (1e-12 US dollar) per token, so the hot path only looks up and multiplies. `validate.ts` beside this file is the one
 * judge of an item; the operator runs it before it sends, the sidecar before it swaps.
 */
import type { ProviderParameters, ProviderTypeName } from './provider-types.ts';
import type { AffinityBody } from './shapes/affinity.ts';
import type { AsyncBody, BatchBody } from './shapes/batch.ts';
import type { BudgetBody } from './shapes/budgets.ts';
import type { CacheBody } from './shapes/cache.ts';
import type { ChargebackBody } from './shapes/chargeback.ts';
import type { ConstraintsBody, DataPolicyBody, OnNoTarget, QualityBody } from './shapes/constraints.ts';
import type { ContextBody } from './shapes/context.ts';
import type { ExperimentBody } from './shapes/experiment.ts';
import type { FailoverListBody, HedgeBody, LearnedBody, RetryBudgetBody } from './shapes/hedging.ts';
import type {
  AdmissionBody,
  ConcurrencyBody,
  ErrorRateBody,
  LimitsBody,
  SlowCallBody,
} from './shapes/limits.ts';
import type { ActiveCheckBody, LocalityBody, SpilloverBody } from './shapes/outlook.ts';
import type { RateLimitBody } from './shapes/rate-limits.ts';
import type {
  ClassificationBody,
  MatchSignalsBody,
  PromptSignalsBody,
  SignalsBody,
  VectorsBody,
} from './shapes/signals.ts';
import type { StrategyBody } from './shapes/strategy.ts';

export type { ProviderTypeName } from './provider-types.ts';

/**
 * Version of this contract. A sidecar accepts its own and the previous one, an operator sends either. It grows only where
 * what an older sidecar reads would mean something else: a field that is gone, or newly required. Whatever can be left out
 * is added without, by a line in `additions.ts`; a test compares this contract with the one of the last release.
 */
export const SNAPSHOT_VERSION = 1;

/**
 * Behaviours an item may require. A sidecar that lacks one rejects the item instead of running a looser version of it;
 * a new routing behaviour adds a name here in the commit that enforces it.
 */
export const FEATURES = [
  'match.header.regex',
  'match.prompt',
  'passthrough',
  'failover',
  'patch',
  'tls.caBundle',
  'unsupportedParameters',
  'responses.store',
  'provider.types',
  'credential.minted',
  'constraints',
  'strategy.measured',
  'strategy.quality',
  'strategy.hybrid',
  'strategy.adaptive',
  'strategy.layered',
  'limits',
  'concurrency',
  'passive.rates',
  'admission',
  'affinity',
  'experiment',
  'spillover',
  'locality',
  'hedge',
  'failover.to',
  'failover.retryBudget',
  'timeouts.learned',
  'capability.reasoning',
  'match.signals',
  'signals',
  'budgets',
  'context',
  'batch',
  'async',
  'rateLimits',
  'cache',
] as const;
export type Feature = (typeof FEATURES)[number];

/** `route/<namespace>/<name>` or `provider/<namespace>/<name>`. */
export type ItemId = string;

export interface Snapshot {
  version: number;
  /** sha256 over the canonical JSON of `items`, hex. Two equal snapshots have equal hashes; no secret goes into it. Members beside these three are ignored. */
  hash: string;
  /** Sorted by id. Only an id missing from this list is removed from a sidecar. */
  items: SnapshotItem[];
  /**
   * Vectors of examples, by the name that routes know them by. Beside the items and outside the hash: whoever lacks one asks a
   * model for it, and one model may give the next asker slightly other ones.
   */
  vectors?: Record<string, VectorsBody>;
}

export type SnapshotItem = RouteItem | ProviderItem;

interface ItemHeader {
  id: ItemId;
  /** metadata.generation of the object the item was compiled from. */
  generation: number;
  /** Invalid items carry no body: a sidecar keeps an older body it holds, else answers 503 for the route. */
  state: 'Valid' | 'Invalid';
  /** Features the body needs. Names unknown to a sidecar make it reject the item. */
  requires: string[];
  /**
   * Paths of fields that a sidecar may leave aside where it does not know them, from the item: `body.models[].hint`. Any other
   * field that is unknown makes it refuse the item. Absent: none.
   */
  advisory?: string[];
  /** Why the item is Invalid; one sentence. */
  reason?: string;
}

export interface RouteItem extends ItemHeader {
  kind: 'Route';
  /**
   * Order among routes whose pattern for an asked model is equally specific: lower wins, equal ones go by id. It depends on
   * the route and its relation to the workload only, so another route never changes it.
   */
  rank: number;
  /** Patterns of the route; outside the body so that an invalid route still answers, with 503, for its own models. */
  models: string[];
  /**
   * Of an Invalid route: providers and keys that its namespace may use now. An older body may go on using those it has in hand,
   * although the snapshot does not list them; what is not named here is gone for it too.
   */
  keeps?: KeptProvider[];
  body?: RouteBody;
}

export interface KeptProvider {
  provider: ItemId;
  /** In the version that is handed out now. */
  credentials: { id: string; version: string }[];
}

export interface ProviderItem extends ItemHeader {
  kind: 'Provider';
  body?: ProviderBody;
}

export interface RouteBody {
  namespace: string;
  name: string;
  uid: string;
  rules: RuleBody[];
  /** Absent: what every request has, and no more. */
  signals?: SignalsBody;
  classification?: ClassificationBody;
  /** Absent: as the first budget over a request tells spend apart. */
  chargeback?: ChargebackBody;
  /** The team's own and those of every policy over the route: a request needs headroom in each. Absent: none. */
  budgets?: BudgetBody[];
}

export interface RuleBody {
  name: string;
  /** ORed; empty: always. */
  matches: MatchBody[];
  strategy: StrategyBody;
  targets: TargetBody[];
  failover: {
    on: FailureClass[];
    /** Absent: every class goes on through the plan. */
    to?: FailoverListBody[];
    maxAttempts: number;
    /** Absent: nothing but `maxAttempts` bounds them. */
    retryBudget?: RetryBudgetBody;
    backoff: { baseMs: number; maxMs: number };
  };
  /** Absent: no request is sent twice at once. */
  hedge?: HedgeBody;
  /** Absent: only what `timeouts` says. */
  learned?: LearnedBody;
  /** Of streams of targets that reason, instead of `firstTokenMs`, until it is known how long they normally take. Absent: none. */
  reasoningFirstTokenMs?: number;
  /** A target that answers nobody is waited for as long as `timeouts` says. Absent: only where no other target could answer. */
  patient?: true;
  timeouts: TimeoutsBody;
  holdMaxMs: number;
  passthrough: { methods: string[]; pathPrefix: string }[];
  /** Index into `targets`. */
  statefulTarget: number;
  /** Absent: providers keep answers of /v1/responses unless the request forbids it. */
  responses?: { store: 'Never' };
  /** Lower-case names. */
  forwardHeaders: string[];
  /** Absent: conversations are sent whole. */
  context?: ContextBody;
  /** The rule's own, or that of a policy over it where that is less. Absent: as the caller says. */
  maxOutputTokens?: number;
  /** Absent: class Normal, and no waiting. */
  admission?: AdmissionBody;
  /** The rule's own and those of every policy over it: a request needs room in each. Absent: none. */
  rateLimits?: RateLimitBody[];
  /** Absent: lines of batches are refused. */
  batch?: BatchBody;
  /** Absent: requests are answered at once, whatever they prefer. */
  async?: AsyncBody;
  /** Absent: no answer is given twice. */
  cache?: CacheBody;
  /** Absent: each request goes its own way. */
  affinity?: AffinityBody;
  experiment?: ExperimentBody;
  /** What becomes of parameters that a target of another dialect cannot honour. Absent: left out, with a warning. */
  unsupportedParameters?: 'Reject' | 'Drop';
  /** What every target must meet. Absent: nothing more than being able to serve. */
  constraints?: ConstraintsBody;
  /** Absent: the request is refused. */
  onNoTarget?: OnNoTarget;
  /** Absent: where the pod is does not matter. */
  locality?: LocalityBody;
  /** What cannot be measured passes budgets of the route's own namespace. Absent: it is refused. */
  unmetered?: 'Allow';
}

export interface TimeoutsBody {
  connectMs: number;
  firstTokenMs: number;
  interTokenMs: number;
  attemptMs: number;
  requestMs: number;
  clientStallMs: number;
}

/** Fields are ANDed; an absent field does not constrain. */
export interface MatchBody extends MatchSignalsBody {
  headers?: { name: string; type: 'Exact' | 'Prefix' | 'RegularExpression'; value: string }[];
  paths?: string[];
  models?: string[];
  prompt?: {
    tokens?: { min?: number; max?: number };
    turns?: { min?: number; max?: number };
    /** Lower-case. */
    contains?: string[];
    pattern?: string;
  } & PromptSignalsBody;
  request?: {
    tools?: boolean;
    vision?: boolean;
    jsonSchema?: boolean;
    stream?: boolean;
    reasoning?: boolean;
  };
}

export interface TargetBody {
  name: string;
  provider: ItemId;
  /** Unset: the asked model. */
  model?: string;
  /** Name of one credential; unset: the pool. */
  credential?: string;
  /** Names of the provider's credentials this route may use; unset: all. Empty: none, so the target takes no traffic. */
  credentials?: string[];
  /**
   * Why the reference to the provider was not granted. The target takes no traffic, even where another route of the
   * same workload brings a provider of that id into the snapshot.
   */
  unresolved?: string;
  weight: number;
  priority: number;
  /** Absent: it is tried as long as it may be. */
  spillover?: SpilloverBody;
  patch: PatchBody;
}

export interface PatchBody {
  /** JSON values of depth-1 members. */
  set: { name: string; value: unknown }[];
  default: { name: string; value: unknown }[];
  remove: string[];
  headers: { name: string; value: string }[];
}

export interface ProviderBody {
  namespace: string;
  name: string;
  type: ProviderTypeName;
  /** Base URL without a trailing slash; endpoint paths such as `/chat/completions` are appended. */
  url: string;
  /** What paths of the type name besides the model, and what requests are signed for. */
  parameters?: ProviderParameters;
  headers: { name: string; value: string }[];
  /** PEM, besides the system roots. */
  caBundle?: string;
  /** Empty: open server. The value of a credential travels apart, by id. */
  credentials: CredentialBody[];
  models: ModelBody[];
  /** Whether names outside `models` may be asked for: then price, window and capabilities are unknown. */
  openModels: boolean;
  streamUsage: 'Always' | 'OnRequest' | 'Never';
  region?: string;
  /** Absent where nobody who may vouch for it says anything. */
  dataPolicy?: DataPolicyBody;
  passive: {
    consecutiveErrors: number;
    ejectionMs: number;
    maxEjectionMs: number;
    slowCall?: SlowCallBody;
    errorRate?: ErrorRateBody;
  };
  /** Absent: it is not asked of its own accord. */
  active?: ActiveCheckBody;
  /** Of the whole provider, all models and credentials together. */
  limits?: LimitsBody;
  concurrency?: ConcurrencyBody;
}

export interface CredentialBody {
  name: string;
  /** `<namespace>/<provider>/<credential>`: the key into the credentials message. */
  id: string;
  /**
   * APIKey: the value goes where the vendor wants its keys. Passthrough: the caller's own. Token: the value is a short-lived
   * token, sent as a bearer. AWSSession: the value is JSON of short-lived keys that sign each request. Workload: no value;
   * the sidecar itself gets one for the identity of its pod.
   */
  type: 'APIKey' | 'Passthrough' | 'Token' | 'AWSSession' | 'Workload';
  /** For type Workload. */
  workload?: WorkloadIdentity;
  weight: number;
  /** Changes whenever the value may have. Never made of the value; absent where there is no value, or nothing else to tell by. */
  version?: string;
  limits?: LimitsBody;
}

/** As what the pod shows itself to its cloud. What is absent comes from the environment that the cloud gives the pod. */
export type WorkloadIdentity =
  | { cloud: 'AWS'; region: string; roleARN?: string }
  | { cloud: 'Google'; audience: string; serviceAccount?: string }
  | { cloud: 'Azure'; tenantID?: string; clientID?: string };

export interface ModelBody {
  name: string;
  /** From the price catalogue, not declared: it can be asked for, but `/v1/models` does not list it. */
  catalogued?: true;
  /** Further names the vendor takes for the same model; each is asked for as it is. A declared name wins over them. */
  variants?: ModelVariant[];
  upstreamName: string;
  /** Absent: unknown, so nothing is filtered by it. */
  capabilities?: Capability[];
  contextWindow?: number;
  maxOutputTokens?: number;
  /** Absent: unknown, which is a state of its own and never zero. */
  prices?: PriceTable;
  /**
   * Prices that `prices` cannot say; then that is absent, so that a sidecar which does not know this field takes them for
   * unknown. Read both through `pricesOf`.
   */
  fullPrices?: FullPrices;
  /** Absent: not known. */
  quality?: QualityBody[];
  /** Of the model, all credentials together. */
  limits?: LimitsBody;
}

/** Exact: the text itself. Dated: the text followed by YYYY-MM-DD. Prefix: anything that begins with the text. */
export interface ModelVariant {
  form: 'Exact' | 'Dated' | 'Prefix';
  text: string;
}

/**
 * Integers: pico-USD per token, and pico-USD per request. An absent unit is billed as the unit it is a part of:
 * cache reads and audio as input, reasoning and audio output as output.
 */
export interface PriceTable {
  input: number;
  cacheRead?: number;
  audioInput?: number;
  output: number;
  reasoning?: number;
  audioOutput?: number;
  request?: number;
}

/** Also pico-USD. An absent unit is billed as in PriceTable: writes for an hour as those for five minutes, those as
 * input, cached audio as cached text; images that the model makes cost nothing beside their tokens. */
export interface UnitPrices extends PriceTable {
  /** Per token written to the vendor's cache for five minutes, and for an hour. */
  cacheWrite5m?: number;
  cacheWrite1h?: number;
  /** Per token of audio read from the cache. */
  audioCacheRead?: number;
  /** Per image that the model makes. */
  imageOutput?: number;
}

export interface TieredPrices extends UnitPrices {
  /**
   * By rising bound. A request whose input, cached or not, is more than `aboveInputTokens` is billed by that tier in whole;
   * at the bound exactly it is not.
   */
  tiers?: (UnitPrices & { aboveInputTokens: number })[];
}

export interface FullPrices extends TieredPrices {
  /**
   * Of tiers of service that are priced by themselves: nothing of the standard prices above holds in them. `Unknown`: their
   * price is not known, whatever discount the vendor is known to give.
   */
  services?: Partial<Record<PricedTier, TieredPrices | 'Unknown'>>;
}

/** Tiers of service that vendors bill otherwise than the standard one. Reserved: capacity that is paid for by time. */
export const PRICED_TIERS = ['Flex', 'Priority', 'Batch', 'Reserved', 'Fast'] as const;
export type PricedTier = (typeof PRICED_TIERS)[number];

export type Capability =
  | 'Chat'
  | 'Completions'
  | 'Embeddings'
  | 'Tools'
  | 'Vision'
  | 'JSONSchema'
  | 'Rerank'
  /** It thinks before it answers. No request needs it, and none is kept from a model without it. */
  | 'Reasoning';

/** Failures a rule may fail over on. `Caller` exists too: it is returned as it is and never in a list. */
export const FAILURE_CLASSES = [
  'Connect',
  'Timeout',
  'RateLimited',
  'ServerError',
  'StreamError',
  'Unauthorized',
  'QuotaExhausted',
  'ModelNotFound',
  'ContextWindow',
  'ContentFilter',
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** `GET /v1/credentials`: the keys of one identity. Never compressed, never stored by a cache, never logged. */
export interface CredentialSet {
  version: string;
  /** `version` as in the CredentialBody of that id; absent where the operator does not tell. */
  credentials: { id: string; value: string; version?: string }[];
}
