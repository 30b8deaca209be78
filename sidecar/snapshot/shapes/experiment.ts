/** Traffic of a rule split for comparison, copied, and moved over step by step. */
export interface ExperimentBody {
  /** Salt of every split: another name is another draw. */
  name: string;
  stickyBy: StickyBy;
  /** Percents add up to 100 at most; what is left goes to the targets that no arm names. */
  arms: ExperimentArm[];
  /** Where a request goes when no target of its arm serves it. */
  onArmExhausted: 'Stay' | 'Leave';
  mirror: MirrorBody[];
  canary?: CanaryBody;
}

export interface StickyBy {
  type: 'User' | 'Conversation' | 'Header';
  /** Lower-case; for Header. */
  header?: string;
}

interface ExperimentArm {
  name: string;
  /** Names of targets of the rule. */
  targets: string[];
  /** 0 for the arm of a canary: its share is the step. */
  percent: number;
}

/** Copies of requests, whose answers nobody gets. */
export interface MirrorBody {
  /** Name of a target of the rule. */
  target: string;
  percent: number;
  /** Nano-USD by all pods together, as a decimal string. */
  maxCostPerHour: string;
}

/** An arm whose share grows while it is no worse than the others. */
export interface CanaryBody {
  arm: string;
  /** Percents, rising. */
  steps: number[];
  /** Shortest stay at a step. */
  intervalMs: number;
  /** Requests of the arm that a step takes at least. */
  minRequests: number;
  /** Absent members have no say. */
  bounds: CanaryBounds;
}

interface CanaryBounds {
  /** How many more requests in a hundred may fail than of the others. */
  errorPercent?: number;
  /** Largest p95 of the time to the first content, in percent of the others'. */
  latencyPercent?: number;
  /** Largest mean cost of a request, in percent of the others'. */
  costPercent?: number;
  /** How far the mean score of feedback may lie below the others', in hundredths of the scale. */
  feedbackDrop?: number;
}
