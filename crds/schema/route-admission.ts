/** How important requests of a rule are when what they need is short. */
import { z } from 'zod';
import { cel, durationOrZero } from '../common.ts';

export const admission = z
  .strictObject({
    class: z
      .enum(['Critical', 'High', 'Normal', 'Low', 'Batch'])
      .optional()
      .describe(
        'Who goes first when targets are at their limits, and who is refused first when too many wait: the lowest class, Batch, before all others. Unset: Normal.',
      ),
    maxWait: durationOrZero
      .optional()
      .describe(
        'How long a request may wait in the proxy until a target has headroom, at most 10m; after that it is refused with 429 and Retry-After. Unset: 0s, it does not wait.',
      ),
  })
  .meta(
    cel({
      rule: 'has(self.class) || has(self.maxWait)',
      message: 'at least one of class and maxWait is required',
    }),
  );
