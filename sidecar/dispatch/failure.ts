/** One failed try, as the run of a request judges it. */
import type { OutriderError } from '../../errors/table.ts';
import type { Verdict } from '../providers/failures.ts';

/** A provider's answer that may be handed to the caller as it is. */
export interface UpstreamAnswer {
  /** For an error inside a 200: the status that says the same. */
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Failure {
  readonly verdict: Verdict;
  /** HTTP status as received. */
  readonly status: number | undefined;
  readonly answer: UpstreamAnswer | undefined;
  /** What the caller is told where there is no answer to hand on. */
  readonly error: OutriderError;
  readonly retryAfterMs: number | undefined;
  /** Whether breakers hear of it: not when the caller's own impatience ended the attempt. */
  readonly counted: boolean;
  /** Something of ours, not the provider, was in the way: the same target is tried again at once, on top of `maxAttempts`. */
  readonly again: 'StaleSocket' | 'Key' | 'WithoutUsage' | undefined;
}

/** HTTP status for an error that came inside a 200. */
export function statusOf(verdict: Verdict, named: number | undefined): number {
  if (named !== undefined && named >= 400 && named <= 599) return named;
  switch (verdict.class) {
    case 'Caller':
    case 'ContextWindow':
    case 'ContentFilter':
      return 400;
    case 'Unauthorized':
      return 401;
    case 'ModelNotFound':
      return 404;
    case 'RateLimited':
    case 'QuotaExhausted':
      return 429;
    case 'Timeout':
      return 504;
    default:
      return 502;
  }
}
