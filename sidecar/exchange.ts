/**
 * The one object that travels with a request. Each stage adds its own field and touches no other;
 * when it is complete, accounting, metrics, the access log and spans are all read from it, so they cannot disagree.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServiceTier } from './accounting/service-tier.ts';
import type { Settlement } from './accounting/usage.ts';
import type { CacheUse } from './cache/use.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { Envelope } from './dialects/envelope.ts';
import type { OpenWay } from './dialects/pairing.ts';
import type { Purpose } from './internal/internal-rule.ts';
import type { SpendHold } from './limits/budgets/hold.ts';
import type { Permit } from './limits/permit.ts';
import type { RatePass } from './limits/rates/pass.ts';
import type { BreakerScope } from './providers/failures.ts';
import type { Candidate, Plan, RequestFacts, Step } from './routing/plan.ts';
import type { FailureClass } from './snapshot/schema.ts';
import type { ChunkTimes } from './telemetry/chunk-times.ts';

export interface Exchange {
  // server
  readonly id: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Monotonic milliseconds (performance.now()), and the wall clock at the same instant. */
  readonly startedAt: number;
  readonly startedWall: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Origin of a listed web page that calls: it is told that it may read the answer. */
  readonly allowedOrigin: string | undefined;
  dialect: Dialect;
  /** Undefined where the body is not read (passthrough). */
  envelope: Envelope | undefined;
  /**
   * Passthrough: what was read of the body to find the model, and whether that is all of it. The rest is still in `req`,
   * which is paused.
   */
  head: { chunks: Buffer[]; length: number; complete: boolean } | undefined;
  /** Somebody else reads the bytes of the body as well: their memory is not given back before its time. */
  bodyShared?: boolean;
  facts: RequestFacts | undefined;
  /** What came, where a shorter conversation is sent. Absent: `envelope` is what came. */
  whole?: Envelope | undefined;
  /** Tokens of the prompt, by estimate, that are not sent for the rule's context. Absent: it is sent whole. */
  savedTokens?: number | undefined;
  /** What the user wrote, in part: only where the log's owner asked for it. */
  shownPrompt?: string | undefined;
  // internal
  /** A request of our own: what it is for, and the id of the request on whose behalf it is made. Absent: a caller's. */
  internal?: { readonly purpose: Purpose; readonly parent: string | undefined } | undefined;
  /** With it: the caller's request that it is made for, which tells whose budget it is. Absent: itself. */
  payer?: Exchange | undefined;
  /** Requests of our own that were made on its behalf, in order. */
  asked?: Exchange[] | undefined;
  /** Whom its route charges besides the namespace. Absent: nobody in particular. */
  chargedTo?: string | undefined;
  /** Of copies that its experiment asked for: what became of each. Absent: none was asked for. */
  copies?: CopyResult[] | undefined;
  // routing
  /** `namespace/name`. */
  route: string | undefined;
  /** The pattern of the route's `models` that matched: the bounded label for the asked model. */
  modelPattern: string | undefined;
  steps: Step[];
  plan: Plan | undefined;
  // cache
  /** What the cache did for it. Absent: its rule has none. */
  cache?: CacheUse | undefined;
  // limits
  /** Its rule's limits of rates, and what it holds of them. Absent: there are none. */
  rates?: RatePass | undefined;
  // dispatch
  attempts: Attempt[];
  /** Monotonic milliseconds at which the response was handed to the caller. */
  committedAt: number | undefined;
  warnings: string[];
  /** Why a call that took long got no second one beside it. Absent: it got one, or none was due. */
  hedgeRefused?: 'NoTarget' | 'Headroom' | 'Budget';
  /** Milliseconds for which it waited until a target had headroom. Absent: it did not wait. */
  waitedMs?: number;
  /** The last thing that a budget had to say. Absent: nothing, or it has none. */
  budget?: BudgetNote;
  outcome: Outcome | undefined;
  /**
   * Drops the request body and the memory reserved for it. Dispatch calls it once nothing can be sent again: at commit, or
   * when the last candidate has all of it. Harmless when called twice. `unused`: no attempt reads or writes the bytes any
   * more, so their memory may go at once instead of waiting for the garbage collector.
   */
  releaseBody(unused?: boolean): void;
  /**
   * Fills `attempt.settlement` from its usage, or from an estimate; a settled attempt stays as it is. Dispatch calls it
   * before the head of a non-stream, which shows the cost; what is unsettled at the end the pipeline settles.
   */
  settle(attempt: Attempt): Settlement;
}

/**
 * The second half of the data plane, as the pipeline sees it.
 *
 * `run` sends attempts until one commits and relays it. It fills `attempts`, `committedAt`, `warnings` and `outcome`, and it
 * resolves when the answer is written whole, has broken off, or the caller is gone. It throws OutriderError only while
 * nothing has been written: the pipeline then answers with it, in the caller's dialect. Response heads carry
 * `outriderHeaders(exchange)` of server/response-headers.ts.
 */
export interface Dispatch {
  run(exchange: Exchange): Promise<void>;
}

/**
 * Hears of every attempt, as it happens. What it does must be quick and must not throw: it runs between a caller and its
 * answer. Times are monotonic milliseconds.
 */
export interface AttemptObserver {
  /** It is about to be sent. Every attempt that started also ends. */
  started?(attempt: Attempt, exchange: Exchange): void;
  /** Its answer goes to the caller from now on. */
  committed?(attempt: Attempt, exchange: Exchange): void;
  /** It is over: `endedAt`, `failure` and `cancelled` are set, its settlement may not be. */
  ended?(attempt: Attempt, exchange: Exchange): void;
}

/** The attempt that answered, or the last that tried. With hedges the winner need not be the last. */
export function answering(attempts: readonly Attempt[]): Attempt | undefined {
  const last = attempts.at(-1);
  if (attempts.length < 2 || last?.committedAt !== undefined) return last;
  const won = attempts.find(({ committedAt }) => committedAt !== undefined);
  return won ?? attempts.findLast(({ cancelled }) => !cancelled) ?? last;
}

/** Hears of every exchange when it is over, each attempt settled. */
export interface ExchangeObserver {
  completed(exchange: Exchange): void;
}

/** Made, or why not: no room for it, no money left or no known price, nothing that may be asked. */
export type CopyResult = 'Made' | 'Memory' | 'Budget' | 'NoTarget';

export interface Attempt {
  candidate: Candidate;
  /** Hedge: sent beside another call that took long. */
  kind: 'First' | 'Retry' | 'Failover' | 'Probe' | 'Hedge' | 'Mirror';
  /** How the provider is spoken to; absent on unread paths. */
  way?: OpenWay | undefined;
  startedAt: number;
  /** Last request byte handed to a connected socket. */
  sentAt: number | undefined;
  headersAt: number | undefined;
  /** Of streams of events: the first content. Commit may come before it, where there is nothing left to wait for. */
  firstContentAt?: number | undefined;
  committedAt: number | undefined;
  endedAt: number | undefined;
  httpStatus: number | undefined;
  /** Undefined: it succeeded, or the caller left. `Caller`: the request itself was at fault. */
  failure: FailureClass | 'Caller' | undefined;
  /** Whose failures `failure` counted among; absent without one. */
  scope?: BreakerScope;
  /** The vendor's low-cardinality error code, never its text. */
  errorCode: string | undefined;
  /** The caller went away while this attempt ran, or another one answered first. */
  cancelled: boolean;
  /** It came much slower than its target normally delivers. */
  stalled?: true;
  /** Proof that the provider did no work. */
  noWork: boolean;
  upstreamRequestId: string | undefined;
  responseModel: string | undefined;
  responseId: string | undefined;
  finishReasons: string[];
  /** In which the vendor says it served. Absent: it does not say. */
  serviceTier?: ServiceTier | undefined;
  /** That it was asked for. Absent: none, or the standard one. */
  askedTier?: ServiceTier | undefined;
  outputBytes: number;
  /** Of streams of events: the pauses between pieces of output. */
  chunkTimes?: ChunkTimes;
  rawUsage: unknown;
  settlement: Settlement | undefined;
  /** What it holds of limits; absent where there are none. */
  permit?: Permit | undefined;
  /** What it has set aside of budgets; absent where there are none. */
  spend?: SpendHold | undefined;
}

/**
 * Overdrawn: it has nothing left and lets requests go on. Allowed: spent without the ledger. Cheapest: only what costs least was
 * asked. All others: it refused an attempt.
 */
export interface BudgetNote {
  id: string;
  what: 'Exhausted' | 'Unavailable' | 'CostUnknown' | 'Unmetered' | 'Overdrawn' | 'Allowed' | 'Cheapest';
  /** Milliseconds for which it waited for a lease. Absent: it did not. */
  waitedMs?: number;
}

export interface Outcome {
  /** Status sent to the caller; 499 when it left before one was sent. */
  status: number;
  endedAt: number;
  /** Code of errors/table.ts when the answer was ours. */
  errorCode: string | undefined;
  /** The stream broke after commit. */
  broken: boolean;
  cancelled: boolean;
  streamed: boolean;
  responseBytes: number;
}
