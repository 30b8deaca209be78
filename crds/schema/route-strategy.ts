/** How targets of one priority share requests. */
import { z } from 'zod';
import { atomicList, type CelRule, cel, dnsLabel } from '../common.ts';

const STRATEGY_TYPES = [
  'Weighted',
  'RoundRobin',
  'LeastRequests',
  'Latency',
  'Throughput',
  'Cost',
  'Quality',
  'Hybrid',
  'Adaptive',
  'Layered',
] as const;

const points = z.int().min(0).max(100);

export const strategy = z
  .strictObject({
    type: z
      .enum(STRATEGY_TYPES)
      .describe(
        'Weighted: by chance in proportion to weight. RoundRobin: in turn. LeastRequests: the fewest requests under way from the same pod, for its weight. Latency: the one that lately answered soonest. Throughput: the one whose streams lately ran fastest. Cost: the one where the request is expected to cost least, by the learned length of answers; an unknown price comes last. Quality: the best score first, those of equal score by weight. Hybrid: several of these at once, by the weights in hybrid. Adaptive: learns from answers and feedback which one earns most, and goes on trying the others. Layered: one of these after the other, as layers lists them.',
      ),
    latency: z
      .strictObject({
        measure: z
          .enum(['FirstToken', 'Total'])
          .describe(
            'FirstToken: until a stream begins its content, or a whole answer is there. Total: until the last token, as the expected length of the answer has it.',
          ),
      })
      .optional()
      .describe('What latency is measured to, where the strategy weighs it. Unset: FirstToken.'),
    quality: z
      .strictObject({
        task: dnsLabel.describe("Task whose scores count, from the provider's models and from feedback."),
      })
      .optional()
      .describe('What quality is judged by. Unset: task default.'),
    hybrid: z
      .strictObject({
        cost: points.optional().describe('Weight of the expected cost of the request. Unset: 0.'),
        latency: points.optional().describe('Weight of the time to first content. Unset: 0.'),
        quality: points.optional().describe('Weight of the score for the task. Unset: 0.'),
        load: points.optional().describe('Weight of the requests under way from the same pod. Unset: 0.'),
      })
      .meta(
        cel({
          rule: '(has(self.cost) && self.cost > 0) || (has(self.latency) && self.latency > 0) || (has(self.quality) && self.quality > 0) || (has(self.load) && self.load > 0)',
          message: 'hybrid needs a weight above 0',
        }),
      )
      .optional()
      .describe(
        'Weights of type Hybrid, which needs them. What counts is how many times as much a target has of each: twice the weight of cost makes half the price worth a quarter of the speed.',
      ),
    adaptive: z
      .strictObject({
        cost: points
          .optional()
          .describe(
            'What the cost of the median target takes off a score of 100; twice the cost takes twice as much. Unset: 20.',
          ),
        latency: points
          .optional()
          .describe('What the latency of the median target takes off a score of 100. Unset: 20.'),
        minQuality: points
          .optional()
          .describe(
            'Targets whose score is known to be lower are chosen only where no other is left. Unset: 0.',
          ),
        minSharePercent: z
          .int()
          .min(1)
          .max(25)
          .optional()
          .describe(
            'Share of the requests that each target gets at least, all together at most half. Unset: 1.',
          ),
        memory: z
          .int()
          .min(20)
          .max(100_000)
          .optional()
          .describe('Requests after which what was learned counts for a third. Unset: 300.'),
      })
      .optional()
      .describe('What type Adaptive aims at.'),
    layers: z
      .array(
        z.strictObject({
          type: z
            .enum(['Cost', 'Latency', 'Throughput', 'Quality', 'LeastRequests'])
            .describe('What the layer goes by, as the strategy of that name does.'),
          withinPercent: z
            .int()
            .min(0)
            .max(1000)
            .optional()
            .describe('Targets within so many percent of the best stay for the next layer. Unset: 10.'),
        }),
      )
      .min(1)
      .max(4)
      .optional()
      .describe(
        'Layers of type Layered, which needs them, in order. What the last one leaves over shares by weight; what falls out is tried after it.',
      )
      .meta(atomicList),
  })
  .meta(
    cel(
      {
        rule: "(self.type == 'Hybrid') == has(self.hybrid)",
        message: 'hybrid is for type Hybrid, and required there',
        fieldPath: '.hybrid',
      },
      {
        rule: "!has(self.adaptive) || self.type == 'Adaptive'",
        message: 'adaptive is for type Adaptive',
        fieldPath: '.adaptive',
      },
      {
        rule: "(self.type == 'Layered') == has(self.layers)",
        message: 'layers are for type Layered, and required there',
        fieldPath: '.layers',
      },
    ),
  )
  .optional()
  .describe('How targets of one priority share requests. Unset: Weighted.');

/** For the rule: its strategy and its constraints. */
export const strategyRules: readonly CelRule[] = [
  {
    rule: "!has(self.strategy) || !has(self.strategy.latency) || self.strategy.type in ['Latency', 'Hybrid', 'Adaptive', 'Layered']",
    message: 'strategy.latency is for strategies that weigh latency',
    fieldPath: '.strategy',
  },
  {
    rule: "!has(self.strategy) || !has(self.strategy.quality) || self.strategy.type in ['Quality', 'Hybrid', 'Adaptive', 'Layered'] || (has(self.constraints) && has(self.constraints.minQuality))",
    message: 'strategy.quality is for strategies that weigh quality, or a rule with constraints.minQuality',
    fieldPath: '.strategy',
  },
];
