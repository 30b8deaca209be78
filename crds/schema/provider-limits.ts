/** How much may be asked of a provider, a model or a credential, and when calls at it count as slow. */
import { z } from 'zod';
import { cel, duration } from '../common.ts';

const perMinute = z.int().min(1).max(1_000_000_000).optional();
const calls = z.int().min(1).max(100_000);

export const limits = z
  .strictObject({
    requestsPerMinute: perMinute.describe('Requests in any sixty seconds. Unset: no limit.'),
    tokensPerMinute: perMinute.describe(
      'Tokens of input and output in any sixty seconds: estimated when a request is sent, corrected when it has ended. Unset: no limit.',
    ),
    maxConcurrent: calls.optional().describe('Requests under way at once. Unset: no limit.'),
  })
  .meta(
    cel({
      rule: 'has(self.requestsPerMinute) || has(self.tokensPerMinute) || has(self.maxConcurrent)',
      message: 'at least one of requestsPerMinute, tokensPerMinute and maxConcurrent is required',
    }),
  );

export const concurrency = z
  .strictObject({
    mode: z
      .enum(['Fixed', 'Adaptive'])
      .describe(
        'Fixed: at most max. Adaptive: between min and max, fewer while answers take longer to begin than they use to or the provider refuses for being overloaded, more while they do not.',
      ),
    max: calls
      .optional()
      .describe('Most requests under way at once of one model, in one pod. Required for Fixed. Unset: 1000.'),
    min: calls
      .optional()
      .describe('For Adaptive: never fewer than this. Unset: 1, or max where that is lower.'),
    initial: calls
      .optional()
      .describe('For Adaptive: where it begins. Unset: 20, or the nearest that min and max allow.'),
  })
  .meta(
    cel(
      { rule: "self.mode != 'Fixed' || has(self.max)", message: 'mode Fixed needs max', fieldPath: '.max' },
      {
        rule: "self.mode != 'Fixed' || (!has(self.min) && !has(self.initial))",
        message: 'min and initial are for mode Adaptive',
        fieldPath: '.mode',
      },
      {
        rule: '!has(self.min) || !has(self.max) || self.min <= self.max',
        message: 'concurrency min must not be greater than max',
        fieldPath: '.min',
      },
      {
        rule: '!has(self.initial) || ((!has(self.min) || self.min <= self.initial) && (!has(self.max) || self.initial <= self.max))',
        message: 'initial must lie between min and max',
        fieldPath: '.initial',
      },
    ),
  );

const percent = z.int().min(1).max(100);
const minCalls = z
  .int()
  .min(1)
  .max(10_000)
  .optional()
  .describe('Calls of the last minute below which nothing is concluded. Unset: 20.');

export const slowCall = z
  .strictObject({
    threshold: duration.describe('A call is slow if its answer has not begun after this time.'),
    percent: percent.optional().describe('Share of slow calls that ejects the model. Unset: 50.'),
    minCalls,
  })
  .describe(
    'Ejects a model of this provider when too many of its calls in the last minute were slow, although they succeeded.',
  );

export const errorRate = z
  .strictObject({
    percent: percent.describe('Share of failed calls that ejects the model.'),
    minCalls,
  })
  .describe(
    'Ejects a model of this provider when too many of its calls in the last minute failed, although not in a row.',
  );
