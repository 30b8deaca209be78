/** How a provider is asked whether it is well, before requests find out. */
import { z } from 'zod';
import { cel, duration, matching, modelName } from '../common.ts';

const inARow = z.int().min(1).max(100).optional();

export const activeCheck = z
  .strictObject({
    path: matching(
      /^\/[A-Za-z0-9._~%/-]*$/,
      'a path that begins with /, without a query, such as /models',
      1,
      512,
    )
      .optional()
      .describe(
        'Asked with GET and a key of the provider, behind the path of its URL: /models asks https://api.openai.com/v1/models. An answer below 400 is well; none, or one of 500 and above, is not; any other says nothing. Choose one that costs nothing.',
      ),
    model: modelName
      .optional()
      .describe(
        'Asked for one token of output instead: proves more than a path, and costs its price each time. Unset: path is asked.',
      ),
    interval: duration
      .optional()
      .describe('Time between two checks of one sidecar, from 1s to 1h. Unset: 10s, or 1m for a model.'),
    timeout: duration
      .optional()
      .describe('Longest time that an answer may take, at most 1m. Unset: 2s, or 10s for a model.'),
    unhealthyAfter: inARow.describe('Failed checks in a row that take the provider out. Unset: 3.'),
    healthyAfter: inARow.describe('Good checks in a row that take it back in. Unset: 2.'),
  })
  .meta(
    cel({
      rule: 'has(self.path) ? !has(self.model) : has(self.model)',
      message: 'either path or model is required, and not both',
    }),
  );
