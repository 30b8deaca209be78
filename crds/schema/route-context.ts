/** How much of a conversation is sent, and how much may come back: what a rule saves of tokens. */
import { z } from 'zod';
import { cel, durationOrZero, matching } from '../common.ts';
import { askedModel } from './asked-model.ts';

/** What an app may have to wait for a summary before its own request is even sent. */
const wait = matching(
  /^([1-9][0-9]{0,3}ms|([1-9]|[1-5][0-9]|60)s)$/,
  'a duration of at most 60s such as 500ms or 10s',
  2,
  6,
);

const turns = z.int().min(1).max(1000);

const summarize = z.strictObject({
  ...askedModel(
    'The provider that is asked for summaries.',
    'Its model: a cheap one, with the capability Chat.',
  ),
  afterTokens: z
    .int()
    .min(256)
    .max(100_000_000)
    .describe('Prompts of more tokens than this, by estimate, have their older turns summarised.'),
  keepLast: turns
    .optional()
    .describe(
      'Turns at the end that are sent as they are. A turn is a message of the user with all that follows it. Unset: 4.',
    ),
  timeout: wait
    .optional()
    .describe(
      'How long a request of an app may wait for a summary; after that onFailure counts. Unset: 10s.',
    ),
  maxInputTokens: z
    .int()
    .min(256)
    .max(1_000_000)
    .optional()
    .describe(
      'Of older turns that are longer only head and tail are summarised, this many tokens by estimate. Unset: 16000.',
    ),
  maxOutputTokens: z
    .int()
    .min(64)
    .max(4096)
    .optional()
    .describe('Most that a summary may have, reasoning included. Unset: 512.'),
  cacheTTL: durationOrZero
    .optional()
    .describe(
      'How long the summary of the same turns is remembered, in each sidecar; 0s: not at all. Unset: 1h.',
    ),
  onFailure: z
    .enum(['Truncate', 'Pass'])
    .optional()
    .describe(
      'What happens without a summary. Truncate: the older turns are left out. Pass: they are sent as they are. Unset: Truncate.',
    ),
});

export const context = z
  .strictObject({
    keepLast: turns
      .optional()
      .describe(
        'Only so many turns at the end of a conversation are sent. A turn is a message of the user with all that follows it. Unset: all.',
      ),
    summarize: summarize
      .optional()
      .describe('Older turns are replaced by a summary that another model makes. Unset: they are not.'),
    maxTokens: z
      .int()
      .min(256)
      .max(100_000_000)
      .optional()
      .describe(
        'Prompts of more tokens than this, by estimate, have their oldest turns left out, and then the oldest calls of tools in the last turn: a quarter of the bound at a time, so that what is sent begins alike for many requests and stays cached. Unset: no bound.',
      ),
  })
  .optional()
  .describe(
    'How much of a conversation is sent, at /v1/chat/completions, /v1/responses and /v1/messages. Instructions, tools and the last message of the user always are; a call of a tool and its result stay together. Conversations of which a provider keeps a part are left as they are. Unset: all of it.',
  )
  .meta(
    cel(
      {
        rule: 'has(self.keepLast) || has(self.summarize) || has(self.maxTokens)',
        message: 'needs keepLast, summarize or maxTokens',
      },
      {
        rule: '!has(self.keepLast) || !has(self.summarize)',
        message: 'summarize has a keepLast of its own: turns that are left out cannot be summarised',
        fieldPath: '.keepLast',
      },
      {
        rule: '!has(self.maxTokens) || !has(self.summarize) || self.summarize.afterTokens <= self.maxTokens',
        message: 'summarize.afterTokens must be at most maxTokens, or nothing is ever summarised',
        fieldPath: '.summarize',
      },
    ),
  );

export const maxOutputTokens = z
  .int()
  .min(1)
  .max(100_000_000)
  .optional()
  .describe(
    'Most that a request may have a model write; one that asks for more, or does not say, is sent with this. Less stays less. Unset: as the caller says.',
  );
