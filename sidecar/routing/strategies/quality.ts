/** The best score for the rule's task first; those of equal score share by weight. What has no score comes last. */
import { qualityOf } from '../measures.ts';
import { byMeasure } from './by-measure.ts';
import type { Strategy } from './strategy.ts';

export const QUALITY: Strategy = {
  type: 'Quality',
  order(candidates, context) {
    byMeasure(candidates, context, (candidate) => -(qualityOf(candidate, context) ?? -1));
  },
};
