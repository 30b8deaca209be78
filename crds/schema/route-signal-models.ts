/** Signals of a route that ask a model: vectors of prompts, and labels. */
import { z } from 'zod';
import { cel, dnsLabel, durationOrZero, mapList, matching, modelName, objectName } from '../common.ts';
import { patch } from './route-target.ts';

/** What an app may have to wait for the answer to one question before its own is even asked. */
const wait = matching(
  /^([1-9][0-9]{0,3}ms|([1-9]|[12][0-9]|30)s)$/,
  'a duration of at most 30s such as 500ms or 2s',
  2,
  6,
);

/** Who is asked, and what it may take; `unset` tells the defaults. */
const asked = (model: string, unset: { timeout: string; maxInputTokens: number }) => ({
  provider: z
    .strictObject({
      name: objectName.describe('Name of an LLMProvider.'),
      namespace: dnsLabel.optional().describe('Its namespace. Unset: found as for targets.'),
    })
    .describe('The provider that is asked.'),
  model: modelName.describe(model),
  credential: dnsLabel.optional().describe("One of the provider's credentials. Unset: any, by weight."),
  request: patch.optional().describe('Changes to the body and headers of what is asked, as for targets.'),
  timeout: wait
    .optional()
    .describe(
      `How long a request of an app may wait for the answer; after that the signal is unknown. Unset: ${unset.timeout}.`,
    ),
  maxInputTokens: z
    .int()
    .min(16)
    .max(8192)
    .optional()
    .describe(
      `Of a longer prompt only head and tail are sent, this many tokens by estimate. Unset: ${unset.maxInputTokens}.`,
    ),
  cacheTTL: durationOrZero
    .optional()
    .describe(
      'How long an answer is remembered for the same text, in each sidecar; 0s: not at all. Unset: 10m.',
    ),
});

export const embeddings = z.strictObject({
  ...asked('Its model, which must be one with the capability Embeddings.', {
    timeout: '500ms',
    maxInputTokens: 512,
  }),
  dimensions: z
    .int()
    .min(8)
    .max(4096)
    .optional()
    .describe(
      'Length of the vectors, for models that can shorten them. Unset: as long as the model makes them.',
    ),
});

const label = z.strictObject({
  name: dnsLabel.describe('What matches call it; `none` stands for no label and cannot be a name.'),
  description: z
    .string()
    .min(1)
    .max(512)
    .describe('What prompts it is for, in words for the model, such as `asks for a proof or an algorithm`.'),
});

export const classifier = z.strictObject({
  ...asked('Its model: a small and quick one, since every prompt that is not remembered waits for it.', {
    timeout: '2s',
    maxInputTokens: 1000,
  }),
  maxOutputTokens: z
    .int()
    .min(8)
    .max(4096)
    .optional()
    .describe(
      'Most that the answer may have, reasoning included: with a model that reasons, more than unset. Unset: 64.',
    ),
  labels: z
    .array(label)
    .min(1)
    .max(32)
    .describe('The labels; the model chooses one, or none of them.')
    .meta({
      ...mapList('name'),
      ...cel({
        rule: "self.all(l, l.name != 'none')",
        message: 'none stands for no label; call it something else',
      }),
    }),
});
