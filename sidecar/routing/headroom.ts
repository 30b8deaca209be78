/** What routing may know of limits: a read without side effects, implemented by `limits`. */
import type { RuleBody } from '../snapshot/schema.ts';
import { PRIORITY_CLASSES, type PriorityClass } from '../snapshot/shapes/limits.ts';
import type { Candidate, RequestFacts } from './plan.ts';

/** Why something cannot be sent now. `until`: when it may be tried again, in the caller's monotonic milliseconds. */
export interface Shortage {
  readonly until: number;
  /** With the numbers. */
  readonly detail: string;
}

export interface HeadroomView {
  /** Undefined: the candidate may be sent the request. `priority`: as `priorityOf` gives it. */
  shortage(candidate: Candidate, facts: RequestFacts, priority: number, now: number): Shortage | undefined;
}

/** Nothing is limited. */
export const NO_LIMITS: HeadroomView = { shortage: () => undefined };

const NORMAL = PRIORITY_CLASSES.indexOf('Normal');
const NUMBERS = Object.fromEntries(PRIORITY_CLASSES.map((name, i) => [name, i])) as Record<
  PriorityClass,
  number
>;

/** 0: the most important class. */
export const priorityOf = ({ admission }: Pick<RuleBody, 'admission'>): number =>
  admission === undefined ? NORMAL : NUMBERS[admission.class];
