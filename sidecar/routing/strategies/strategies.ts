/** Every strategy a rule may name. */
import type { RuleBody } from '../../snapshot/schema.ts';
import { ROUND_ROBIN } from './round-robin.ts';
import type { Strategy } from './strategy.ts';
import { WEIGHTED } from './weighted.ts';

export const STRATEGIES: Readonly<Record<RuleBody['strategy']['type'], Strategy>> = {
  Weighted: WEIGHTED,
  RoundRobin: ROUND_ROBIN,
};
