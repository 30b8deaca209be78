/** What is told of one finished request, in the access log and on the admin port. No prompt content, no keys, no vendor text. */
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { Settlement, Usage } from '../accounting/usage.ts';
import type { CacheUse } from '../cache/use.ts';
import type { Attempt } from '../exchange.ts';
import type { Purpose } from '../internal/internal-rule.ts';
import type { BreakerScope } from '../providers/failures.ts';
import type { Consideration, Step } from '../routing/plan.ts';
import type { SignalValues } from '../signals/signals.ts';
import type { AttemptResult, Result } from './finished.ts';

/** One line of the access log. Every field but `prompt`, `drawn` and `cache` is always there; null where it does not apply. */
export interface LogRecord {
  /** RFC 3339, UTC, milliseconds: when the request arrived. */
  time: string;
  /** Value of `x-outrider-request-id`. */
  id: string;
  method: string;
  /** Without the query, cut at 200 characters. */
  path: string;
  /** `namespace/name`. */
  route: string | null;
  rule: string | null;
  /** Experiment and arm of it; an arm `_rest` is none. */
  experiment: string | null;
  arm: string | null;
  /** The pattern of the route that the asked model matched. */
  askedPattern: string | null;
  /** As the caller wrote it, cut at 200 characters. */
  askedModel: string | null;
  /** Target, provider (`namespace/name`) and model of the last attempt. */
  target: string | null;
  provider: string | null;
  model: string | null;
  /** Sent to the caller; 499 when it left before one was sent. */
  status: number;
  outcome: Result;
  /** Code of the error table when the answer was ours. */
  errorCode: string | null;
  attempts: AttemptRecord[];
  /** Settled tokens of all attempts. The kinds do not overlap. */
  tokens: Usage;
  /** Some of `tokens` and `costUsd` are our estimate. */
  estimated: boolean;
  /** Decimal string: the cost of the attempts whose cost is known; null when none is. */
  costUsd: string | null;
  /** Attempts that used something whose cost is unknown, so it is not in `costUsd`. */
  unpriced: number;
  /** Arrival to the committing event; null when nothing was committed. */
  ttfcMs: number | null;
  /** Arrival to the end of the answer. */
  durationMs: number;
  /** For headroom of a target; null when it did not wait. */
  waitedMs: number | null;
  /** Id of the limit of rates that had no room for it at first; absent where each had. */
  rateLimitedBy?: string;
  /** Id of the budget that had something to say about it, what that came to, and how long it waited for a lease; absent: none had. */
  budget?: { id: string; result: string; waitedMs?: number };
  /** As announced; null when the length was not known ahead. */
  requestBytes: number | null;
  responseBytes: number;
  streamed: boolean;
  cancelled: boolean;
  warnings: number;
  /** Of the caller's `traceparent` or of our sampled span. */
  traceId: string | null;
  /** Share of its kind this line stands for: below 1 only for sampled successes. */
  sampleRate: number;
  /** What the cache did for it; absent where its rule has none. */
  cache?: CacheRecord;
  /** Of an adaptive rule: the target that was chosen first, and the chance it had. What served may be another one. */
  drawn?: { target: string; propensity: number; kind: number };
  /** Tokens of the prompt, by estimate, that were not sent for the rule's context; absent where it was sent whole. */
  savedTokens?: number;
  /** What rules asked of the prompt and were told; absent where none asked. */
  signals?: SignalsRecord;
  /** The end of what the user wrote, as many bytes as `--log-content` allows; absent where nobody asked for it. */
  prompt?: string;
  /** A request of the sidecar itself: what it was for, and the id of the request on whose behalf it was made. Absent: an app's. */
  purpose?: Purpose;
  parent?: string;
}

interface CacheRecord {
  result: CacheUse['result'];
  /** Of a hit: Exact or Semantic; of a bypass: why. */
  reason?: string;
  ageMs?: number;
  similarityPercent?: number;
  /** What the answer had cost; absent where that is not known. */
  savedUsd?: string;
}

/** Names of the route and of lists of ours; what was not asked, or is not known, is absent. */
type SignalsRecord = { [K in keyof SignalValues]?: NonNullable<SignalValues[K]> };

export interface AttemptRecord {
  target: string;
  provider: string;
  model: string;
  /** Name of the credential; never its value. */
  credential: string | null;
  kind: Attempt['kind'];
  /** `OK`, `Cancelled`, or the failure class. */
  result: AttemptResult;
  scope: BreakerScope | null;
  status: number | null;
  /** The vendor's low-cardinality code, never its text. */
  code: string | null;
  ms: number;
  /** In which the provider said that it served; null where it did not say. */
  serviceTier: ServiceTier | null;
  /** That it was asked for; absent where none was, or the standard one. */
  askedTier?: ServiceTier;
}

/** `/requests/{id}`: the log line and the reasons behind it. */
export interface RequestSummary extends LogRecord {
  attempts: (AttemptRecord & AttemptDetail)[];
  steps: Step[];
  considered: Consideration[];
  warningTexts: string[];
  /** Requests of the sidecar itself that were made on its behalf. */
  asked: AskedDetail[];
}

/** Its own line has the rest. */
export interface AskedDetail {
  id: string;
  purpose: Purpose;
  outcome: Result;
  ms: number;
  /** As `costUsd` of its own line; it is not part of that of this request. */
  costUsd: string | null;
}

/** What the summary has beyond the log line; `attempts` in the same order. */
export interface RequestDetail
  extends Pick<RequestSummary, 'steps' | 'considered' | 'warningTexts' | 'asked'> {
  attempts: AttemptDetail[];
}

/** Times are milliseconds after the request arrived. */
export interface AttemptDetail {
  startedMs: number;
  sentMs: number | null;
  headersMs: number | null;
  committedMs: number | null;
  endedMs: number | null;
  upstreamRequestId: string | null;
  responseModel: string | null;
  responseId: string | null;
  finishReasons: string[];
  tokens: Usage | null;
  usageSource: Settlement['source'] | null;
  costUsd: string | null;
}
