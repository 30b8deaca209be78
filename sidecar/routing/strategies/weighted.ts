/** By chance, in proportion to weight; the order behind the first is drawn the same way from what is left. */
import type { Candidate } from '../plan.ts';
import type { Strategy } from './strategy.ts';

export const WEIGHTED: Strategy = {
  type: 'Weighted',
  order(candidates, { random }) {
    let total = 0;
    for (const { target } of candidates) total += target.weight;
    for (let at = 0; at < candidates.length - 1; at++) {
      let draw = random() * total;
      let chosen = at;
      for (; chosen < candidates.length - 1; chosen++) {
        draw -= (candidates[chosen] as Candidate).target.weight;
        if (draw < 0) break;
      }
      const picked = candidates[chosen] as Candidate;
      candidates[chosen] = candidates[at] as Candidate;
      candidates[at] = picked;
      total -= picked.target.weight;
    }
  },
};
