/** The best score for the rule's task first; those of equal score share by weight. What has no score comes last. */
import { qualityOf, taskOf } from '../measures.ts';
import { byMeasure } from './by-measure.ts';
import type { Strategy } from './strategy.ts';

export const QUALITY: Strategy = {
  type: 'Quality',
  order(candidates, context) {
    byMeasure(candidates, context, (candidate) => -(qualityOf(candidate, context) ?? -1));
  },
  describe(candidate, context) {
    const task = taskOf(context.rule);
    const score = qualityOf(candidate, context);
    const { n } = context.state.quality.feedback(candidate, task, context.now);
    const known = score === undefined ? 'no score' : `score ${score.toFixed(1)}`;
    return `${known} for task ${task}, with feedback on ${n.toFixed(1)} answers`;
  },
};
