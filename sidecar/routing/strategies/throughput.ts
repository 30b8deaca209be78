/** The target whose streams are expected to run fastest, with what is under way there already. */
import { expectedPace } from '../observed/expected.ts';
import { type Measure, rankByMeasure } from './measured.ts';
import type { Strategy } from './strategy.ts';

const PACE: Measure = {
  expected: (candidate, context) => expectedPace(candidate, context),
  history: (memory) => ({ times: memory.pace, asking: memory.inFlight > 0 }),
};

export const THROUGHPUT: Strategy = {
  type: 'Throughput',
  order: (candidates, context) => rankByMeasure(candidates, context, PACE),
  describe(candidate, context) {
    const pace = expectedPace(candidate, context);
    const under = `${context.state.observed.inFlight(candidate)} under way`;
    if (pace === undefined) return `tokens per second are not known yet, ${under}`;
    return `about ${(1000 / pace).toFixed(1)} tokens per second are expected, ${under}`;
  },
};
