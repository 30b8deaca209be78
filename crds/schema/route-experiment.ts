/** Comparing targets on live traffic: sticky splits, copies, and a canary that moves on by itself. */
import { z } from 'zod';
import { atomicList, cel, decimal, dnsLabel, duration, headerName } from '../common.ts';

const percent = z.int().min(0).max(100);

const stickyBy = z
  .strictObject({
    type: z
      .enum(['User', 'Conversation', 'Header'])
      .describe(
        'What keeps its arm. User: `safety_identifier`, `user` or `metadata.user_id` of the body. Conversation: as for affinity. Header: the value of `header`.',
      ),
    header: headerName.optional().describe('Name of the header, for Header; case-insensitive.'),
  })
  .meta(
    cel({
      rule: "(self.type == 'Header') == has(self.header)",
      message: 'header is required for type: Header, and must be absent otherwise',
      fieldPath: '.header',
    }),
  );

const arm = z.strictObject({
  name: dnsLabel.describe(
    'Name of the arm within its experiment; shown in headers, metrics, logs and status.',
  ),
  targets: z
    .array(dnsLabel)
    .min(1)
    .max(16)
    .describe('Targets of the rule that serve it, by priority and strategy of the rule.')
    .meta(atomicList),
  percent: percent
    .optional()
    .describe(
      'Its share. Shares may add up to less than 100: the rest goes to the targets that no arm names. Must be unset for the arm of the canary, and only for that.',
    ),
});

const mirror = z.strictObject({
  target: dnsLabel.describe('Target of the rule that gets the copies. With weight 0 it gets nothing else.'),
  percent: z.int().min(1).max(100).describe('Share of the requests that are copied.'),
  maxCostPerHour: decimal.describe(
    'Most that copies may cost in an hour, in US dollars, by all pods together; each has its share. Copies to a model without a known price are not made.',
  ),
});

const bounds = z.strictObject({
  errorPercent: percent
    .optional()
    .describe('How many more requests in a hundred may fail than of the other arms. Unset: 5.'),
  latencyPercent: z
    .int()
    .min(100)
    .max(10_000)
    .optional()
    .describe("Largest p95 of the time to the first content, in percent of the other arms'. Unset: 150."),
  costPercent: z
    .int()
    .min(100)
    .max(10_000)
    .optional()
    .describe("Largest mean cost of a request, in percent of the other arms'. Unset: any."),
  feedbackDrop: percent
    .optional()
    .describe(
      "How far the mean score of POST /v1/feedback may lie below the other arms', in hundredths of the scale. Unset: any.",
    ),
});

const canary = z.strictObject({
  arm: dnsLabel.describe('Name of the arm whose share grows.'),
  steps: z
    .array(z.int().min(1).max(100))
    .min(1)
    .max(16)
    .optional()
    .describe('Shares of the arm in percent, rising. Unset: 1, 5, 25, 50, 100.')
    .meta(atomicList),
  interval: duration
    .optional()
    .describe('Shortest stay at a step. Unset: 10m.')
    .meta(
      cel(
        { rule: "self.matches('[1-9]')", message: 'must be longer than zero' },
        { rule: "!self.matches('^[0-9]{1,3}ms$')", message: 'must be a second or longer' },
      ),
    ),
  minRequests: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Requests of the arm that a step takes at least. Unset: 100.'),
  bounds: bounds
    .optional()
    .describe(
      'What the arm may be worse by. Once it is surely worse, all its traffic goes back to the other arms and stays there until the experiment gets another name.',
    ),
});

export const experiment = z
  .strictObject({
    name: dnsLabel.describe(
      'Name of the experiment, and the salt of its split: another name is another draw, and begins anew.',
    ),
    stickyBy: stickyBy
      .optional()
      .describe(
        'What stays in one arm. A request that says nothing of the kind is drawn by chance. Unset: Conversation.',
      ),
    arms: z
      .array(arm)
      .max(8)
      .optional()
      .describe('Parts of the traffic that are told apart. Unset: none, for copies alone.')
      .meta({
        ...atomicList,
        ...cel({
          rule: 'self.all(a, self.exists_one(b, b.name == a.name))',
          message: 'arm names must be unique within an experiment',
        }),
      }),
    onArmExhausted: z
      .enum(['Stay', 'Leave'])
      .optional()
      .describe(
        'When no target of its arm can serve a request, or all have failed. Stay: the request fails. Leave: the other targets of the rule are tried, and the request counts as an error of its arm. Unset: Stay.',
      ),
    mirror: z
      .array(mirror)
      .max(4)
      .optional()
      .describe('Copies of requests, sent once the caller is being answered; their answers are thrown away.')
      .meta(atomicList),
    canary: canary.optional().describe('An arm that takes over step by step, or goes back.'),
  })
  .meta(
    cel(
      {
        rule: 'has(self.arms) && size(self.arms) > 0 || has(self.mirror) && size(self.mirror) > 0',
        message: 'an experiment needs arms or mirror',
      },
      {
        rule: '!has(self.canary) || has(self.arms) && self.arms.exists(a, a.name == self.canary.arm)',
        message: 'canary.arm must name an arm of this experiment',
        fieldPath: '.canary',
      },
      {
        rule: '!has(self.arms) || self.arms.all(a, has(a.percent) == !(has(self.canary) && self.canary.arm == a.name))',
        message: 'every arm needs a percent, but for the arm of the canary, whose share is the step',
        fieldPath: '.arms',
      },
    ),
  );

/** Rules for the rule that holds the experiment. */
export const experimentRules = [
  {
    rule: '!has(self.experiment) || !has(self.experiment.arms) || self.experiment.arms.all(a, a.targets.all(n, self.targets.exists(t, t.name == n)))',
    message: 'targets of an arm must name targets of this rule',
    fieldPath: '.experiment',
  },
  {
    rule: '!has(self.experiment) || !has(self.experiment.mirror) || self.experiment.mirror.all(m, self.targets.exists(t, t.name == m.target))',
    message: 'mirror must name targets of this rule',
    fieldPath: '.experiment',
  },
];
