/** The target with the fewest attempts under way for its weight, counted in this pod alone. Equals go by chance, by weight. */
import { byMeasure } from './by-measure.ts';
import type { Strategy } from './strategy.ts';

export const LEAST_REQUESTS: Strategy = {
  type: 'LeastRequests',
  order(candidates, context) {
    const { observed } = context.state;
    byMeasure(candidates, context, (candidate) => observed.inFlight(candidate) / candidate.target.weight);
  },
  describe(candidate, { state }) {
    return `${state.observed.inFlight(candidate)} under way from this pod, for weight ${candidate.target.weight}`;
  },
};
