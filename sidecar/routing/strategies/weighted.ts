/** By chance, in proportion to weight; the order behind the first is drawn the same way from what is left. */
import type { Candidate } from '../plan.ts';
import type { Strategy } from './strategy.ts';

export const WEIGHTED: Strategy = {
  type: 'Weighted',
  order: (candidates, { random }) => drawRange(candidates, 0, candidates.length, random),
};

/** Orders those from `from` to before `to`, and leaves the others where they are. */
export function drawRange(candidates: Candidate[], from: number, to: number, random: () => number): void {
  if (to - from < 2) return;
  let total = 0;
  for (let at = from; at < to; at++) total += weightAt(candidates, at);
  for (let at = from; at < to - 1; at++) {
    let draw = random() * total;
    let chosen = at;
    for (; chosen < to - 1; chosen++) {
      draw -= weightAt(candidates, chosen);
      if (draw < 0) break;
    }
    const picked = candidates[chosen] as Candidate;
    candidates[chosen] = candidates[at] as Candidate;
    candidates[at] = picked;
    total -= picked.target.weight;
  }
}

const weightAt = (candidates: readonly Candidate[], at: number): number =>
  (candidates[at] as Candidate).target.weight;
