/**
 * What the rest of the sidecar sees of telemetry. Metrics, log lines and spans are all written from the finished
 * exchange, so they cannot disagree.
 */
import type { Exchange } from '../exchange.ts';
import type { Feedback } from '../feedback/feedback.ts';
import type { BreakerScope } from '../providers/failures.ts';
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import type { ItemId } from '../snapshot/schema.ts';
import type { RequestSummary } from './summary.ts';

export type ProviderChange = 'Worsening' | 'ProbedUp' | 'ProbedDown' | 'ProbedUnclear';

export interface Telemetry {
  /**
   * Counts, logs and, where sampled, traces a request, within a few milliseconds. Called once, when `outcome` is set and every
   * attempt is settled. Never throws, and keeps no reference to the exchange after that.
   */
  record(exchange: Exchange): void;
  /** The breaker of `scope` at a provider opened. */
  ejected(provider: ItemId, scope: BreakerScope): void;
  /** The breaker of `scope` at a provider changed its state. */
  breakerMoved(provider: ItemId, scope: BreakerScope, to: 'Open' | 'HalfOpen' | 'Closed'): void;
  /** A provider, or a model there, was noticed to change for better or worse before any request failed. */
  noticed(provider: ItemId, model: string, change: ProviderChange): void;
  /** Something of batches and deferred requests came to pass; see the metric for which words. */
  later?(what: 'Line' | 'Batch' | 'Async' | 'Webhook', how: string): void;
  /** An app scored an answer. */
  scored(feedback: Pick<Feedback, 'route' | 'rule' | 'candidate' | 'score' | 'replaces'>): void;
  /**
   * What runs from now on. To be called before the first request and after every swap: label values are taken from
   * here only, and series of things that are gone are deleted.
   */
  snapshotChanged(snapshot: EffectiveSnapshot): void;
  /** Body of `/metrics`, and its content type. */
  metrics(): Promise<string>;
  readonly metricsContentType: string;
  /** For `/requests/{id}`: a recent request; undefined once it has left the ring. */
  request(id: string): RequestSummary | undefined;
  /** Writes log lines and spans that are still held; resolves at the latest after `deadlineMs`. */
  flush(deadlineMs: number): Promise<void>;
}
