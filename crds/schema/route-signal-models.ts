/** Signals of a route that ask a model: vectors of prompts, and labels. */
import { z } from 'zod';
import { cel, dnsLabel, durationOrZero, mapList } from '../common.ts';
import { askedModel, dimensions, shortWait } from './asked-model.ts';

/** Who is asked, and what it may take; `unset` tells the defaults. */
const asked = (model: string, unset: { timeout: string; maxInputTokens: number }) => ({
  ...askedModel('The provider that is asked.', model),
  timeout: shortWait
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
  dimensions,
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
