/** What is asked, and when. */
import type { RequestFacts } from '../../sidecar/routing/plan.ts';
import { untilNext } from './chance.ts';

/** One request of the workload. */
export interface Asked {
  /** Virtual milliseconds at which it arrives. */
  readonly at: number;
  /** What differs from a plain chat request; by default of 100 input tokens. */
  readonly facts?: Partial<RequestFacts>;
  /** Lower-case names. */
  readonly headers?: Record<string, string>;
  /** Tokens of output it wants, where the target does not say. */
  readonly outputTokens?: number;
  /** The caller leaves after so many milliseconds, unless it has everything by then. */
  readonly leavesAfterMs?: number;
}

export interface SteadyLoad {
  readonly perSecond: number;
  readonly durationMs: number;
  readonly from?: number;
  /** Even: at equal distances. Random (default): each by itself. */
  readonly arrivals?: 'Even' | 'Random';
  /** The rest of each request. */
  readonly request?: (index: number, random: () => number) => Omit<Asked, 'at'>;
}

/** So many requests a second. */
export function* steadily(load: SteadyLoad, random: () => number): Generator<Asked> {
  const { perSecond, durationMs, from = 0, arrivals = 'Random', request } = load;
  const gap = 1000 / perSecond;
  let at = from;
  for (let index = 0; ; index++) {
    at += arrivals === 'Even' ? gap : untilNext(random, perSecond);
    if (at >= from + durationMs) return;
    yield { ...request?.(index, random), at };
  }
}
