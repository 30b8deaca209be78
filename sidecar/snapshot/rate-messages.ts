/**
 * How limits of rates are shared out among pods: a sidecar tells in its reports what it holds and what it could use, and the answer
 * says what it may hold from now on. Both are states, not changes: a message that is lost, or comes twice, changes nothing.
 */

/** In a Report. */
export interface RateReport {
  /** Grows with each report of the process; an older one that comes late is of no account. */
  sequence: number;
  /** Limits whose number of pods is not known here, or was told long ago. */
  limits: string[];
  demands: RateDemand[];
}

/** One amount of one limit and key; whole numbers: requests, tokens or calls at once; of limits of providers, millionths. */
export interface RateDemand {
  /** Id of a limit in a rule, of a provider or of a credential. */
  limit: string;
  /** Values of its key; empty parts for what the operator knows of the pod. */
  key: string;
  /** Rate: what its window counts. AtOnce: calls under way. */
  of: 'Rate' | 'AtOnce';
  /** What this process keeps to at this moment. */
  held: number;
  /** What it counts now; it may be more than is held, never less than what others must leave for it. */
  used: number;
  /** What it would use in a window, if it could. */
  want: number;
  /** What it takes at least for something that waits or was refused; 0: nothing was. */
  need: number;
}

/** In the answer to such a report. */
export interface RateAnswer {
  /** Of the leader; an answer with a lower one than was heard before is refused. */
  term: number;
  /** For each of `limits`: pods that have it, this one included; 0: it is not known. */
  pods: number[];
  /** For each of `demands`: what may be held from now on; -1: it is not known. */
  grants: number[];
  /** When to report again while something is asked for, in milliseconds. */
  againInMs: number;
}

/** Bounds of one report. */
export const MAX_RATE_DEMANDS = 200;
export const MAX_RATE_LIMITS = 200;
export const MAX_RATE_KEY = 1024;
/** How long an allotment holds without a word of the leader: by the clock of the sidecar, from when the report was sent. */
export const RATE_TTL_MS = 45_000;
/** Limits of providers and credentials are shared in so many parts. */
export const SHARE_PARTS = 1_000_000;

/** What anybody may hold without being allotted it: together a twentieth. */
export const beginnersPart = (capacity: number, pods: number): number =>
  pods <= 1 ? capacity : Math.floor(capacity / 20 / pods);

/** What anybody holds who is out of touch; one at least. */
export const equalPart = (capacity: number, pods: number): number =>
  Math.max(1, Math.floor(capacity / Math.max(1, pods)));
