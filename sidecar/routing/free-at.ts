/** When a rule that has no target left has one again, for want of nothing but headroom. */
import type { RuleBody } from '../snapshot/schema.ts';
import type { PoolChoice } from './credential-pool.ts';

/** A provider that sends a key away for longer may be wrong: the key is tried before a request is refused. */
const LONGEST_TOLD_MS = 60_000;
/** Within which a probe is likely to tell, in milliseconds. */
const PROBE_MS = 100;

export const NEVER = Number.POSITIVE_INFINITY;

interface Exhausted {
  readonly rule: Pick<RuleBody, 'admission'>;
  readonly now: number;
  /** When the first of those that are healthy but used up has headroom again. */
  readonly freeAt: number;
  readonly ejected: readonly Pick<Extract<PoolChoice, { state: 'Ejected' }>, 'until' | 'limit'>[];
}

/**
 * Where something is healthy and used up, what is ejected is not tried in despair: soon there will be headroom. So are keys that
 * the provider has sent away for a while that it named; what it says of hours, and our own guesses, only those believe who may
 * wait.
 */
export function freeAt({ rule, now, freeAt: healthy, ejected }: Exhausted): number {
  const mayWait = (rule.admission?.maxWaitMs ?? 0) > 0;
  let first = healthy;
  for (const { limit, until } of ejected) {
    const told = limit === 'Told' && until - now <= LONGEST_TOLD_MS;
    if (!told && !(mayWait && limit !== undefined)) continue;
    // Its time is over, and one probe is under way.
    first = Math.min(first, Math.max(until, now + PROBE_MS));
  }
  return first;
}
