/** One line, or one deferred request, sent as a caller would; and what follows from how it went. */
import type { OutriderError } from '../../errors/table.ts';
import type { TableRule } from '../routing/table.ts';

export interface Request {
  id: string;
  purpose: 'Batch' | 'Async';
  parent: string | undefined;
  path: string;
  /** Names and values in turn. */
  rawHeaders: readonly string[];
  body: Buffer;
  /** Largest answer, in bytes. */
  maxAnswer: number;
  /** Aborted: whoever waits for it has gone. */
  signal: AbortSignal;
  /** What becomes of the rule that it is matched by. Throws where it may not go by it, or not now. */
  adapt: (rule: TableRule, route: string) => TableRule;
}

export interface Sent {
  status: number;
  body: Buffer;
  rawHeaders: readonly string[];
  /** Of errors/table.ts, where the answer is ours. */
  errorCode: string | undefined;
  /** It was broken off: there is no answer. */
  cancelled: boolean;
  /** The answer was longer than may be kept. */
  overflown: boolean;
}

/** Sends through every stage of the pipeline. Never rejects. */
export type Send = (request: Request) => Promise<Sent>;

/**
 * Answered: for good, be it an error. Pause: nothing was wrong with the request; it may be sent again from then on. Retry: the
 * same, but not for ever. Stopped: by us.
 */
export type Verdict =
  | { kind: 'Answered'; ok: boolean }
  | { kind: 'Pause'; afterMs: number | undefined }
  | { kind: 'Retry'; afterMs: number | undefined }
  | { kind: 'Stopped' };

/** Codes by which we refuse what can be served later. A budget that is used up answers 429. */
const LATER: ReadonlySet<string> = new Set([
  'memory_full',
  'parse_budget_spent',
  'config_unavailable',
  'draining',
  'batch_closed',
  'budget_unavailable',
  'admission_timeout',
  'admission_shed',
] satisfies OutriderError['code'][]);
/** Refused for good, although the status sounds otherwise. */
const FINAL: ReadonlySet<string> = new Set([
  'route_invalid',
  'target_not_permitted',
  'budget_cost_unknown',
] satisfies OutriderError['code'][]);

export function verdictOf({ status, errorCode, cancelled, overflown, rawHeaders }: Sent): Verdict {
  if (overflown) return { kind: 'Answered', ok: false };
  if (cancelled) return { kind: 'Stopped' };
  if (status >= 200 && status <= 299) return { kind: 'Answered', ok: true };
  const afterMs = retryAfter(rawHeaders);
  if (status === 429 || (errorCode !== undefined && LATER.has(errorCode))) return { kind: 'Pause', afterMs };
  if (errorCode !== undefined && FINAL.has(errorCode)) return { kind: 'Answered', ok: false };
  if (status >= 500 || status === 408) return { kind: 'Retry', afterMs };
  return { kind: 'Answered', ok: false };
}

const LONGEST_MS = 24 * 3_600_000;

/** Milliseconds; undefined: it does not say. */
export function retryAfter(rawHeaders: readonly string[]): number | undefined {
  let found: number | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase();
    const value = Number(rawHeaders[i + 1]);
    if (!Number.isFinite(value) || value < 0) continue;
    if (name === 'retry-after-ms') return Math.min(LONGEST_MS, value);
    if (name === 'retry-after') found = Math.min(LONGEST_MS, value * 1000);
  }
  return found;
}
