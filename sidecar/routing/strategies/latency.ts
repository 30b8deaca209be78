/** The target that is expected to answer soonest, by what this pod has seen of each for requests of about this size. */
import { inputBucket } from '../observed/buckets.ts';
import { expectedLatency } from '../observed/expected.ts';
import { type Measure, rankByMeasure } from './measured.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

const measureOf = ({ rule }: StrategyContext) => rule.strategy.latency?.measure ?? 'FirstToken';

const LATENCY_MEASURE: Measure = {
  expected(candidate, context) {
    const measure = measureOf(context);
    const own = expectedLatency(candidate, context, measure);
    if (own !== undefined || measure === 'Total') return own;
    // What all pods found is where this one begins: until it has seen an answer itself.
    return context.state.outlook.usual(candidate, context.now);
  },
  history(memory, { facts }) {
    const waits = memory.nearest(inputBucket(facts.inputTokens), facts.stream);
    return waits && { times: waits.times, asking: waits.open.size > 0 };
  },
};

export const LATENCY: Strategy = {
  type: 'Latency',
  order: (candidates, context) => rankByMeasure(candidates, context, LATENCY_MEASURE),
  describe(candidate, context) {
    const expected = LATENCY_MEASURE.expected(candidate, context);
    const what = measureOf(context) === 'Total' ? 'the whole answer' : 'the first content';
    if (expected === undefined) return `time to ${what} is not known yet`;
    return `${what} is expected after ${Math.round(expected)} ms`;
  },
};
