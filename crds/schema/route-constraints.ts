/** What a rule demands of every target, whatever its strategy prefers. */
import { z } from 'zod';
import { cel, decimal, duration, setList } from '../common.ts';
import { place, region, retention } from './provider-data-policy.ts';

export const demandedDataPolicy = z
  .strictObject({
    residency: z
      .array(place)
      .min(1)
      .max(16)
      .optional()
      .describe('Places in which what is sent may be processed and kept. Unset: anywhere.')
      .meta(setList),
    retention: retention
      .optional()
      .describe('Longest that what is sent may be kept: None, or days such as 30d. Unset: for ever.'),
    training: z
      .enum(['Never'])
      .optional()
      .describe('Never: no model may be trained on what is sent. Unset: that is not asked.'),
  })
  .meta(
    cel({
      rule: 'has(self.residency) || has(self.retention) || has(self.training)',
      message: 'dataPolicy needs residency, retention or training',
    }),
  );

export const constraints = z
  .strictObject({
    maxCost: decimal
      .optional()
      .describe(
        'Most that one request may be expected to cost at a target, in US dollars: estimated input and learned output. A target whose price is unknown does not meet it.',
      ),
    maxPrice: z
      .strictObject({
        input: decimal.optional().describe('US dollars per million input tokens.'),
        output: decimal.optional().describe('US dollars per million output tokens.'),
      })
      .meta(
        cel({
          rule: 'has(self.input) || has(self.output)',
          message: 'maxPrice needs input, output or both',
        }),
      )
      .optional()
      .describe('Highest list prices of a model. A target whose price is unknown does not meet them.'),
    maxLatency: duration
      .optional()
      .describe(
        'Longest time to first content that a target may show, as this pod has lately seen it. A target that has not been seen for 30s meets it, for one request at a time.',
      ),
    minQuality: z
      .int()
      .min(0)
      .max(100)
      .optional()
      .describe(
        "Lowest score for the rule's task (strategy.quality.task, else default), from the provider's models and from feedback. A model without a score does not meet it.",
      ),
    dataPolicy: demandedDataPolicy
      .optional()
      .describe(
        "What a provider's dataPolicy must say; one that says nothing does not meet it. Nothing relaxes it, and requests pinned to statefulTarget keep to it too.",
      ),
    regions: z
      .array(region)
      .min(1)
      .max(32)
      .optional()
      .describe('Regions of providers that may be asked. Unset: any. Nothing relaxes it.')
      .meta(setList),
  })
  .meta(
    cel({
      rule: 'has(self.maxCost) || has(self.maxPrice) || has(self.maxLatency) || has(self.minQuality) || has(self.dataPolicy) || has(self.regions)',
      message: 'constraints must not be empty',
    }),
  )
  .optional()
  .describe('What every target must meet to be asked at all. Unset: nothing more than being able to serve.');

export const onNoTarget = z
  .enum(['Reject', 'Cheapest', 'LastResort'])
  .optional()
  .describe(
    'What happens where no target is left. Targets that fell only by maxCost, maxPrice, maxLatency, minQuality or health may be asked all the same: Cheapest: the one of the lowest expected cost first. LastResort: in the order of the rule, healthy ones first. Reject: none that fell by a constraint, and the answer names the reason of each. Capabilities, dataPolicy, regions and classifications always hold. Unset: Reject.',
  );
