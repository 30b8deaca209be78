/** What apps say of answers, and who wants to hear of it. */
import type { PlannedArm } from '../routing/experiment/arms.ts';
import type { Candidate } from '../routing/plan.ts';
import type { RuleBody } from '../snapshot/schema.ts';

/** A score for one answered request. */
export interface Feedback {
  /** `namespace/name`. */
  readonly route: string;
  readonly rule: RuleBody;
  /** What answered. */
  readonly candidate: Candidate;
  /** Kind of the request, as adaptive rules tell them apart. */
  readonly context: number;
  /** Of the experiment that it took part in. */
  readonly arm: PlannedArm | undefined;
  readonly task: string;
  /** 0 to 1. */
  readonly score: number;
  /** What was said of the same answer before; it no longer holds. */
  readonly replaces: number | undefined;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** Must be quick and must not throw. */
export interface FeedbackListener {
  scored(feedback: Feedback): void;
}
