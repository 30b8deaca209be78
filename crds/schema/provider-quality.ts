/** How well a model does kinds of tasks, as its owner judges it. */
import { z } from 'zod';
import { dnsLabel, mapList } from '../common.ts';

export const quality = z
  .array(
    z.strictObject({
      task: dnsLabel.describe('Kind of task, in words of your own; `default` holds where no other fits.'),
      score: z.int().min(0).max(100).describe('How well the model does it: 0 useless, 100 perfect.'),
    }),
  )
  .min(1)
  .max(32)
  .optional()
  .describe('How well the model does kinds of tasks. Unset: not known.')
  .meta(mapList('task'));
