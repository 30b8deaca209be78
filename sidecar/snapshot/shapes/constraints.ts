/** What a rule demands of every target, and what providers say of themselves that it can be held against. */

/** Hard: a target that does not meet one of them is not asked. An absent field does not constrain. */
export interface ConstraintsBody {
  /** Expected cost of the request, in micro-USD. */
  maxCostMicroUsd?: number;
  /** Price of an input token, in pico-USD. */
  maxInputPrice?: number;
  maxOutputPrice?: number;
  /** Learned time to first content; until there is one, nothing falls by it. */
  maxLatencyMs?: number;
  /** Score for the rule's task, 0 to 100. */
  minQuality?: number;
  dataPolicy?: DataDemand;
  /** Of the provider. */
  regions?: string[];
}

export interface DataDemand {
  /** Every place that the provider names must be among them. */
  residency?: string[];
  /** Longest that what is sent may be kept; 0: not at all. */
  retentionDays?: number;
  training?: 'Never';
}

/** What happens where every target has fallen, some of them only by price, cost, latency or quality. */
export type OnNoTarget = 'Cheapest' | 'LastResort';

/** What a provider does with what it is sent. Absent fields are not known, which meets no demand. */
export interface DataPolicyBody {
  residency?: string[];
  retentionDays?: number;
  training?: 'Never' | 'Allowed';
  /** Lower-case labels of requests that may be sent there. */
  classifications?: string[];
}

/** How well a model does a kind of task. */
export interface QualityBody {
  task: string;
  /** 0 to 100. */
  score: number;
}
