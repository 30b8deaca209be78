/** A model that a route asks on its own account, besides the targets of its rules: for vectors, labels or summaries. */
import { z } from 'zod';
import { dnsLabel, matching, modelName, objectName } from '../common.ts';
import { patch } from './route-target.ts';

/** What an app may have to wait for an answer to a question that is not its own. */
export const shortWait = matching(
  /^([1-9][0-9]{0,3}ms|([1-9]|[12][0-9]|30)s)$/,
  'a duration of at most 30s such as 500ms or 2s',
  2,
  6,
);

/** Members that say who is asked; `provider` and `model` in words. */
export const askedModel = (provider: string, model: string) => ({
  provider: z
    .strictObject({
      name: objectName.describe('Name of an LLMProvider.'),
      namespace: dnsLabel.optional().describe('Its namespace. Unset: found as for targets.'),
    })
    .describe(provider),
  model: modelName.describe(model),
  credential: dnsLabel.optional().describe("One of the provider's credentials. Unset: any, by weight."),
  request: patch.optional().describe('Changes to the body and headers of what is asked, as for targets.'),
});

export const dimensions = z
  .int()
  .min(8)
  .max(4096)
  .optional()
  .describe(
    'Length of the vectors, for models that can shorten them. Unset: as long as the model makes them.',
  );
