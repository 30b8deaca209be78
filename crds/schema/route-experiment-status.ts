/** What became of a route's experiments, as all sidecars together saw it. */
import { z } from 'zod';
import { atomicList, mapList } from '../common.ts';

const count = z.int().min(0);
const number = (what: string) => z.string().max(32).describe(what);

const interval = (what: string) =>
  z
    .strictObject({ low: number('Lower end.'), high: number('Upper end.') })
    .optional()
    .describe(`${what} Unset: too few requests to say.`);

const arm = z.strictObject({
  name: z
    .string()
    .max(128)
    .describe('Name of the arm; `_rest` for requests in no arm, `mirror.<target>` for copies.'),
  requests: count.describe(
    'Requests that succeeded or failed; what callers got wrong or broke off is not counted.',
  ),
  errors: count.describe('Of those, failed.'),
  errorPercent: number('Share that failed, in percent, such as "1.25".'),
  latencyP50Milliseconds: count.optional().describe('Half of the answers began sooner.'),
  latencyP95Milliseconds: count.optional().describe('95 of 100 answers began sooner.'),
  meanCostUSD: number('Mean cost of a request, in US dollars.').optional(),
  feedbackCount: count.optional().describe('Scores of POST /v1/feedback.'),
  feedbackMean: number('Mean score, 0 to 1.').optional(),
  errorDifference: interval(
    "By how many percentage points more fail than of the other arms together: 95% confidence interval (Newcombe's, of Wilson's intervals).",
  ),
  costDifference: interval(
    "By how many US dollars more a request costs than of the other arms together: 95% confidence interval (Welch's).",
  ),
  feedbackDifference: interval(
    "By how much higher the mean score is than that of the other arms together: 95% confidence interval (Welch's).",
  ),
});

export const experimentStatuses = z
  .array(
    z.strictObject({
      name: z.string().max(63).describe('Name of the experiment.'),
      phase: z
        .enum(['Running', 'Progressing', 'Complete', 'RolledBack'])
        .describe('Running: it has no canary. Progressing, Complete, RolledBack: how far its canary is.'),
      percent: z.int().min(0).max(100).optional().describe("Share of the canary's arm."),
      since: z
        .string()
        .max(64)
        .optional()
        .describe('When the canary came to its step. It begins from here again after the operator restarts.'),
      message: z.string().max(512).optional().describe('Why the canary is where it is.'),
      arms: z.array(arm).max(16).describe('Results since the operator has counted.').meta(atomicList),
    }),
  )
  .max(16)
  .optional()
  .describe('Results of experiments; numbers at most once a minute.')
  .meta(mapList('name'));
