/** Requests with nothing to explain: one attempt, a good answer, and no stage that has something to say. */
import { hasRareKinds } from '../accounting/usage.ts';
import type { Attempt } from '../exchange.ts';
import type { Finished } from './finished.ts';

/** Its only attempt; undefined where there is more to tell. */
export function plainAttempt({
  exchange,
  outcome,
  result,
  tokens,
  priced,
  unpriced,
}: Finished): Attempt | undefined {
  const { attempts, plan, facts } = exchange;
  const [attempt] = attempts;
  if (attempt === undefined || attempts.length > 1 || result !== 'OK' || outcome.cancelled) return undefined;
  if (attempt.failure !== undefined || attempt.cancelled || attempt.errorCode !== undefined) return undefined;
  if (attempt.scope !== undefined || priced !== 1 || unpriced !== 0 || hasRareKinds(tokens)) return undefined;
  if (exchange.internal || exchange.cache || exchange.rates?.refusedBy !== undefined || exchange.budget)
    return undefined;
  if (exchange.savedTokens !== undefined || exchange.shownPrompt !== undefined) return undefined;
  if (exchange.waitedMs !== undefined || exchange.warnings.length > 0) return undefined;
  if (plan === undefined || plan.arm || plan.drawn || facts === undefined || facts.signals) return undefined;
  return attempt;
}
