/** How much may be asked of a provider, a model or a key, and how important a request is. Defaults are applied. */

/** Of one provider, model or credential, in all; at least one member. Minutes are any sixty seconds. */
export interface LimitsBody {
  requestsPerMinute?: number;
  /** Input and output together. */
  tokensPerMinute?: number;
  maxConcurrent?: number;
}

/** Calls under way at once of each model of a provider. Fixed: at most `max`. Adaptive: from `min` to `max`, as latency tells. */
export type ConcurrencyBody =
  | { mode: 'Fixed'; max: number }
  | { mode: 'Adaptive'; min: number; initial: number; max: number };

/** A model is ejected where, among at least `minCalls` of the last minute, `percent` or more took longer than `thresholdMs`. */
export interface SlowCallBody {
  /** To the event that commits the answer. */
  thresholdMs: number;
  percent: number;
  minCalls: number;
}

/** The same for calls that failed. */
export interface ErrorRateBody {
  percent: number;
  minCalls: number;
}

/** The most important first: what is short goes to them, and the last are shed first. */
export const PRIORITY_CLASSES = ['Critical', 'High', 'Normal', 'Low', 'Batch'] as const;
export type PriorityClass = (typeof PRIORITY_CLASSES)[number];

export interface AdmissionBody {
  class: PriorityClass;
  /** How long a request may wait for headroom; 0: not at all. */
  maxWaitMs: number;
}
