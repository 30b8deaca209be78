/** What a rule keeps of its answers: to requests that are the same, and to those that mean the same. */
import { z } from 'zod';
import { cel, headerName, matching, setList } from '../common.ts';
import { askedModel, dimensions, shortWait } from './asked-model.ts';

const lifetime = matching(
  /^[1-9]([0-9]{0,6}ms|[0-9]{0,4}s|[0-9]{0,3}m|[0-9]?h)$/,
  'a duration in one unit, at most 99h, such as 30s, 10m or 24h',
  2,
  9,
);

const semantic = z.strictObject({
  embeddings: z
    .strictObject({
      ...askedModel(
        'The provider that is asked.',
        'Its model, which must be one with the capability Embeddings.',
      ),
      timeout: shortWait
        .optional()
        .describe(
          'How long a request may wait for its vector; after that it is not looked up. Unset: 300ms.',
        ),
      maxInputTokens: z
        .int()
        .min(16)
        .max(8192)
        .optional()
        .describe('A longer question is not looked up, nor kept, by estimate. Unset: 1024.'),
      dimensions,
    })
    .describe(
      'The model that makes vectors of questions. What it costs is counted under the rule `cache.semantic`.',
    ),
  minSimilarityPercent: z
    .int()
    .min(50)
    .max(100)
    .optional()
    .describe(
      'Cosine of two vectors, in percent, from which the questions count as one. Lower finds more and is wrong more often. Unset: 95.',
    ),
  maxEntries: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Answers that are kept with their vectors, in each sidecar. Unset: 1000.'),
});

export const cache = z
  .strictObject({
    mode: z
      .enum(['Enabled', 'Disabled'])
      .optional()
      .describe(
        'Disabled: this rule gives no answer again, whatever policies say by default; nothing else is set beside it. Unset: Enabled.',
      ),
    exact: z
      .strictObject({
        singleFlight: z
          .boolean()
          .optional()
          .describe(
            'Requests that are the same and under way at once are sent once, and all get that answer. Unset: true.',
          ),
      })
      .optional()
      .describe(
        'Answers to requests that are the same in everything that can change the answer. Unset: none of those.',
      ),
    semantic: semantic
      .optional()
      .describe(
        'Answers to questions that mean the same: requests of a single turn without tools and attachments, the same in everything but the words of the user. Unset: none of those.',
      ),
    ttl: lifetime.optional().describe('How long an answer may be given again. Unset: 1h.'),
    maxBytes: z
      .int()
      .min(65_536)
      .max(1_073_741_824)
      .optional()
      .describe(
        'Most that answers of this rule may take in each sidecar. Unset: as much as the sidecar has for its cache, see --cache-bytes.',
      ),
    maxAnswerBytes: z
      .int()
      .min(1024)
      .max(16_777_216)
      .optional()
      .describe('A longer answer is not kept. Unset: 1048576.'),
    scope: z
      .strictObject({
        type: z
          .enum(['Workload', 'Namespace', 'Route'])
          .optional()
          .describe(
            'Whose requests share answers, where sidecars share a store: those of one workload, of one namespace, or of all pods that the route is for. Unset: Namespace.',
          ),
        headers: z
          .array(headerName)
          .min(1)
          .max(8)
          .optional()
          .describe(
            'Headers that tell apart for whom an app asks, such as x-user-id: requests share answers only where all of these are there and the same; a request without one is neither answered from the cache nor kept. Unset: apps ask for everybody alike.',
          )
          .meta(setList),
      })
      .optional()
      .describe('Who may be given an answer that somebody else asked for.'),
    sampled: z
      .enum(['Allow', 'Bypass'])
      .optional()
      .describe(
        'Requests whose temperature is unset or not 0: their answers are drawn by chance, and the cache would draw once for all. Unset: Bypass.',
      ),
    requestControl: z
      .enum(['Honour', 'Ignore'])
      .optional()
      .describe(
        'Whether `cache-control` of a request (no-store, no-cache, max-age) is heeded. Unset: Honour.',
      ),
  })
  .meta(
    cel(
      {
        rule: "has(self.exact) || has(self.semantic) || (has(self.mode) && self.mode == 'Disabled')",
        message: 'set exact, semantic or both, or mode: Disabled',
      },
      {
        rule: "!has(self.mode) || self.mode != 'Disabled' || !(has(self.exact) || has(self.semantic) || has(self.ttl) || has(self.maxBytes) || has(self.maxAnswerBytes) || has(self.scope) || has(self.sampled) || has(self.requestControl))",
        message: 'mode: Disabled leaves nothing else to set',
      },
    ),
  );
