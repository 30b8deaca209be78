/** Second calls beside slow ones, where failures go on to, how often they may, and limits on time that are learned. */
import { z } from 'zod';
import { atomicList, cel, dnsLabel, duration, matching, setList } from '../common.ts';

export const FAILURE_CLASSES = [
  'Connect',
  'Timeout',
  'RateLimited',
  'ServerError',
  'StreamError',
  'Unauthorized',
  'QuotaExhausted',
  'ModelNotFound',
  'ContextWindow',
  'ContentFilter',
] as const;

const after = matching(
  /^(p[5-9][0-9]|([0-9]{1,6}s)?([0-9]{1,8}ms)?)$/,
  'a percentile from p50 to p99, or a duration such as 800ms',
  2,
  18,
).meta(cel({ rule: "self.matches('[1-9]')", message: 'must be longer than zero' }));

export const hedge = z
  .strictObject({
    after: after
      .optional()
      .describe(
        'How long the first call may take before a second one is sent: a percentile of what its target normally takes to the first content (of a complete answer: to its end), as this pod has learned it, or a fixed time. Unset: p95.',
      ),
    maxExtraCostPercent: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe(
        'What calls that lost may cost, in percent of what all calls of the rule cost over the last quarter of an hour or so; no second call is sent that could exceed it. Where prices are unknown or zero it is counted in requests. Unset: 5.',
      ),
    crossModel: z
      .boolean()
      .optional()
      .describe(
        'Also to other models, and to targets of other priorities. Unset: only to the same model at the same priority.',
      ),
  })
  .optional()
  .describe(
    'A second call beside a slow one, with another key or at another provider: the first to answer wins, the other is cancelled and accounted. At most one for a request, and only where it may be repeated without harm. Unset: none.',
  );

export const failoverLists = z
  .array(
    z.strictObject({
      when: z
        .array(z.enum(FAILURE_CLASSES))
        .min(1)
        .max(10)
        .describe('Failures that go on to this list.')
        .meta(setList),
      targets: z
        .array(dnsLabel)
        .min(1)
        .max(8)
        .describe('Names of targets of this rule, in the order they are tried; those of weight 0 as well.')
        .meta(atomicList),
    }),
  )
  .min(1)
  .max(8)
  .optional()
  .describe(
    'Lists of their own: after such a failure only the targets of its list are tried, each if it can serve the request. After ContextWindow, only models with a larger window. Unset: every failure goes on through the targets by priority.',
  )
  .meta({
    ...atomicList,
    ...cel({
      rule: 'self.all(l, l.when.all(c, self.exists_one(m, c in m.when)))',
      message: 'a failure can have one list only',
    }),
  });

export const retryBudget = z
  .strictObject({
    percent: z
      .int()
      .min(0)
      .max(1000)
      .optional()
      .describe('Repetitions in percent of the requests that come to a provider. Unset: 200.'),
    minPerSecond: z
      .int()
      .min(0)
      .max(10_000)
      .optional()
      .describe('Repetitions in a second that are always allowed. Unset: 10.'),
  })
  .optional()
  .describe(
    'How often one provider may be asked again by requests that it has failed already, counted for each provider in this pod. Going on to another provider is not counted: that moves load and does not multiply it. Unset: no limit up to three attempts, which cannot come to more than 200 %; beyond, 200 % and 10 a second.',
  );

export const learned = z
  .boolean()
  .optional()
  .describe(
    'Whether limits follow what targets normally take. true: while another target could follow, an attempt has three times the 99th percentile of the time to first content (at least 500ms, at most firstToken; for complete answers attempt). false: never, and a silent target is waited for. Unset: a target that answers none of five or more calls for twice the 99th percentile (at least 500ms) is ejected and left by those that wait, where another target can take over; and streams of targets with capability Reasoning, where firstToken is unset, have 4m to it, and three times the 99th percentile (at least 60s) once that is known.',
  );

export const stall = z
  .strictObject({
    ratePercent: z
      .int()
      .min(1)
      .max(90)
      .optional()
      .describe('Percent of the rate that is normal for the target. Unset: 10.'),
    window: duration.optional().describe('For how long. Unset: 10s.'),
  })
  .optional()
  .describe(
    'An answer that comes much slower than the target normally delivers has stalled: it fails over while nothing was handed on, and is counted after that. Unset: not watched.',
  );
