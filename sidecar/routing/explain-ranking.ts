/** The numbers that targets were ordered by. Requests do without them: they are written for whoever asks. */
import type { Candidate, Consideration, Plan } from './plan.ts';
import { STRATEGIES } from './strategies/strategies.ts';
import type { StrategyContext } from './strategies/strategy.ts';

/** What was considered, with what the strategy says of each candidate that it ordered. */
export function withNumbers(
  { rule, candidates, considered }: Plan,
  asking: Omit<StrategyContext, 'rule' | 'key'>,
): Consideration[] {
  const strategy = STRATEGIES[rule.strategy.type];
  if (strategy.describe === undefined) return considered;
  const context = { ...asking, rule, key: '' };
  return considered.map((one) => {
    const candidate = candidates.find(({ target }) => target.name === one.target);
    if (candidate === undefined || !one.kept) return one;
    const among = orderedWith(candidate, candidates);
    return { ...one, detail: `${one.detail}; ${strategy.describe?.(candidate, context, among) ?? ''}` };
  });
}

/** Further credentials of a target were not ordered. */
const orderedWith = ({ target }: Candidate, candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(
    (one, i) =>
      one.target.priority === target.priority &&
      candidates.findIndex(({ index }) => index === one.index) === i,
  );
