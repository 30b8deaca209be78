/** What routing decides and why. Data only; the functions that fill it are pure and live beside this file. */
import type { DialectName } from '../dialects/dialect.ts';
import type { PromptSample } from '../signals/sample.ts';
import type { Signals } from '../signals/signals.ts';
import type {
  Capability,
  CredentialBody,
  ModelBody,
  ProviderBody,
  RuleBody,
  TargetBody,
} from '../snapshot/schema.ts';
import type { PlannedAffinity } from './affinity/steer.ts';
import type { PlannedArm } from './experiment/arms.ts';
import type { Drawn } from './strategies/strategy.ts';

/** Everything a rule may ask about a request. Filled by `server` from headers, path and envelope; no I/O behind it. */
export interface RequestFacts {
  /** Wire format the caller speaks. */
  dialect: DialectName;
  method: string;
  path: string;
  /** Case-insensitive; several values joined by `, `; undefined when absent. */
  header(name: string): string | undefined;
  askedModel: string | undefined;
  /** Capability the endpoint itself needs; undefined on passthrough paths. */
  needs: Capability | undefined;
  /** Estimated input tokens by the fixed published ratios: the same in every pod and in `explain`. */
  inputTokens: number;
  /** The least the input can be; the context filter drops a target only when even this does not fit. */
  inputTokensLowerBound: number;
  turns: number;
  /** The value of a depth-1 member of the body, where it is a small one; parsed each time. Absent where there is no body. */
  member?(name: string): unknown;
  /** SHA-256 of instructions, tools and the messages up to the first of the user; undefined where the body has none. */
  promptPrefix?(): Buffer | undefined;
  /** Unescaped text of the user messages; parsed on first use only. */
  userText(): string[];
  tools: boolean;
  /** Tools that the vendor itself runs. */
  serverTools: boolean;
  /** Lower-case label of the request: only providers that list it may see it. Undefined: it has none. */
  classification?: string | undefined;
  vision: boolean;
  jsonSchema: boolean;
  stream: boolean;
  /** The caller asks the model to reason; read on first use only. */
  readonly reasoning?: boolean;
  /** How hard the request asks to think, as one word; empty where it does not say. Read from the body each time. */
  effort?(): string;
  /** The kind of answers that this one is expected to be like; undefined until ranking has asked. */
  answerKind?: string | undefined;
  /** Head and tail of what the user wrote; decoded anew each time. */
  sample?(): PromptSample;
  /** What rules asked about the prompt, once one did. */
  signals?: Signals;
  maxOutputTokens: number | undefined;
  choices: number;
  replay: ReplayClass;
  /** The body passes through unread: clauses about it cannot hold, and the model in it is not replaced. */
  unread?: boolean;
  /** The body is unread, but the path names the model, where it can be replaced. */
  modelInPath?: boolean;
  /** Stateful or passthrough: pinned to the rule's stateful target by configuration, never by health. */
  pinned: boolean;
  /** Member of the body that pins it, where clients do without it when they are told that it cannot be had. */
  dispensable?: string | undefined;
  /** Not that, but the vendor keeps the answer unless it is told not to: pinned where the rule lets it be kept. */
  stores?: boolean;
}

/** Whether a request may be sent again. */
export type ReplayClass = 'Free' | 'Unsent' | 'Never';

/** One thing that can be tried: a target with the credential, model and prices it would use. */
export interface Candidate {
  /** Position in the rule's list of targets. */
  index: number;
  target: TargetBody;
  providerId: string;
  provider: ProviderBody;
  /** Undefined on open servers. */
  credential: CredentialBody | undefined;
  /** Name the provider is asked for; empty where a passthrough names none. */
  upstreamModel: string;
  /** Declared or catalogued facts; undefined for a name outside the provider's list. */
  model: ModelBody | undefined;
}

/** Every reason a target may fall, or stay with a remark. Constants: they appear in explain, headers and spans. */
export type Reason =
  | 'Selected' // first in the order
  | 'Alternate' // later in the order
  | 'OtherPriority' // a tier behind the first
  | 'ZeroWeight' // takes no traffic by configuration
  | 'ProviderMissing' // the provider is not in the snapshot
  | 'ProviderInvalid' // the provider has no valid version here
  | 'ModelNotServed' // the provider has a closed list without this model
  | 'DialectUnsupported' // the provider speaks another dialect, and the request cannot be translated
  | 'StateUnsupported' // the same, because the request needs what a vendor keeps
  | 'CapabilityMissing' // the model cannot do what the request needs
  | 'ContextWindowExceeded' // even the lower bound of the input does not fit
  | 'ContextWindowTight' // may not fit: ranked last
  | 'OutputTooLarge' // the asked cap is above the model's maximum
  | 'ClassificationNotAllowed' // the provider does not take requests with this label
  | 'DataPolicyUnmet' // the provider does not promise what the rule demands
  | 'RegionNotAllowed' // the provider is in none of the rule's regions
  | 'PriceAboveCeiling' // the model's list price is above the rule's, or unknown
  | 'CostAboveCeiling' // the request is expected to cost more there, or nobody knows how much
  | 'LatencyAboveCeiling' // it has lately taken longer to begin its answers
  | 'QualityBelowFloor' // the model's score is lower, or unknown
  | 'Relaxed' // fell by one of these four or by health, and is asked all the same
  | 'CredentialMissing' // the named credential does not exist, or its value has not arrived
  | 'Ejected' // breaker open
  | 'RateHeadroom' // a limit is used up, ours or the provider's
  | 'LastResort' // ejected, but so is everything else
  | 'Suspected' // other pods find it down or slow: tried behind others
  | 'Worsening' // slower or failing more from minute to minute: some requests try it behind others
  | 'Spilled' // full by the rule's own measure: tried behind others
  | 'OtherArm' // the request is in another arm of the rule's experiment
  | 'NotPinned'; // the request is pinned to another target

export interface Consideration {
  target: string;
  provider: string;
  model: string;
  kept: boolean;
  reason: Reason;
  /** A sentence with the numbers. */
  detail: string;
}

export interface Plan {
  rule: RuleBody;
  /** In the order they are tried. Empty: refused, `considered` says why. */
  candidates: Candidate[];
  considered: Consideration[];
  /** Take no traffic of their own: only failures whose list names their targets go there. Absent: there are none. */
  fallbacks?: Candidate[];
  /** Attempts allowed in all, the caller's own retries taken into account. */
  maxAttempts: number;
  /** Empty for want of headroom: milliseconds until the first target has some. */
  freeInMs?: number;
  /** What was decided besides the order. Absent: nothing. */
  steps?: Step[];
  /** Absent: the rule has no experiment, or the request is pinned. */
  arm?: PlannedArm;
  /** Absent: the rule has no affinity, or the request nothing that it goes by. */
  affinity?: PlannedAffinity;
  /** How the first choice was drawn, where a strategy learns from it. */
  drawn?: Drawn;
}

/** Why something may not be tried now. Times are milliseconds of the caller's monotonic clock. */
export interface Ejection {
  scope: 'Credential' | 'CredentialModel' | 'Model' | 'Endpoint';
  until: number;
  /** Half-open and its one probe is under way. */
  probing: boolean;
  /** What many calls together had come to. Absent: failures in a row, or one that was enough. */
  why?: string;
  /** A limit is used up, and the provider itself has said until when. */
  told?: boolean;
}

/** What routing may know of health: a read without side effects, implemented by `dispatch`. */
export interface HealthView {
  ejection(candidate: Candidate, now: number): Ejection | undefined;
  /** Whether the credential's value is here. */
  hasCredential(id: string): boolean;
}

/** One line of the explanation of a request, in the order things were decided. */
export interface Step {
  stage: 'route' | 'match' | 'context' | 'cache' | 'plan' | 'admit' | 'dispatch';
  what: string;
  detail: string;
}
