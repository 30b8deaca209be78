/** What a vendor keeps, and what that means for a request once its rule is known. */
import type { RuleBody } from '../snapshot/schema.ts';
import type { ReplayClass, RequestFacts } from './plan.ts';

type Kept = Pick<RequestFacts, 'pinned' | 'stores'>;

/** Whether the rule tells the vendor to keep nothing of an answer it would keep otherwise. */
export const isUnstored = (facts: Kept, rule: RuleBody): boolean =>
  facts.stores === true && rule.responses?.store === 'Never';

/** Whether the request goes to the rule's stateful target, since only that knows, or shall know, the state. */
export const isPinned = (facts: Kept, rule: RuleBody): boolean =>
  facts.pinned || (facts.stores === true && !isUnstored(facts, rule));

/** What the vendor keeps would be kept twice. */
export const replayOf = (facts: Kept & Pick<RequestFacts, 'replay'>, rule: RuleBody): ReplayClass =>
  facts.replay === 'Free' && isPinned(facts, rule) ? 'Unsent' : facts.replay;
