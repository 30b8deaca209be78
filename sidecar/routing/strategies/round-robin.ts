/**
 * In turn. Targets of unequal weight take turns in proportion, spread evenly: each turn every candidate gains its weight,
 * and the one with the most goes first and pays the sum of the weights.
 */
import type { Candidate } from '../plan.ts';
import type { Strategy } from './strategy.ts';

const MAX_KEYS = 4096;

/** Whose turn it is, per rule and priority, in this pod. Outlives tables; bounded. */
export class RoundRobinState {
  readonly #credits = new Map<string, number[]>();

  /** Credits by position of the target in its rule. */
  credits(key: string): number[] {
    let credits = this.#credits.get(key);
    if (!credits) {
      // Rules come and go with their routes; forgetting a turn costs nothing.
      if (this.#credits.size >= MAX_KEYS) this.#credits.clear();
      credits = [];
      this.#credits.set(key, credits);
    }
    return credits;
  }
}

export const ROUND_ROBIN: Strategy = {
  type: 'RoundRobin',
  order(candidates, { state, key }) {
    const credits = state.roundRobin.credits(key);
    let total = 0;
    for (const { index, target } of candidates) {
      credits[index] = (credits[index] ?? 0) + target.weight;
      total += target.weight;
    }
    candidates.sort((a, b) => credit(credits, b) - credit(credits, a) || a.index - b.index);
    const first = candidates[0] as Candidate;
    credits[first.index] = credit(credits, first) - total;
  },
};

const credit = (credits: readonly number[], { index }: Candidate): number => credits[index] ?? 0;
