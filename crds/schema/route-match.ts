/** What a rule asks of a request before it applies. */
import { z } from 'zod';
import {
  cel,
  compilable,
  headerName,
  headerValue,
  mapList,
  matching,
  modelName,
  PATTERN_MESSAGE,
  setList,
} from '../common.ts';
import { range } from './range.ts';
import { matchSignals, promptSignals } from './route-match-signals.ts';

/** An RE2 pattern; compiled by a linear-time engine, so back-references and look-around are rejected. */
const pattern = z
  .string()
  .min(1)
  .max(1024)
  .meta(cel(compilable('self')));

const MOST = 100_000_000;

/** Absolute, without empty or dot segments, which the listener refuses anyway. */
const requestPath = matching(
  /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/,
  'an absolute path such as /v1/chat/completions, without query, empty or dot segments',
  2,
  256,
);

const headerMatch = z
  .strictObject({
    name: headerName.describe(
      'Name of a request header; case-insensitive. Several values are joined by ", ".',
    ),
    type: z
      .enum(['Exact', 'Prefix', 'RegularExpression'])
      .optional()
      .describe(
        'How value is compared. RegularExpression: RE2, and must match the whole value. Unset: Exact.',
      ),
    value: headerValue.min(1).max(256).describe('The value, prefix or pattern.'),
  })
  .meta(
    cel({
      rule: `!has(self.type) || self.type != 'RegularExpression' || (${compilable('self.value').rule})`,
      message: PATTERN_MESSAGE,
      fieldPath: '.value',
    }),
  );

export const match = z.strictObject({
  headers: z
    .array(headerMatch)
    .min(1)
    .max(16)
    .optional()
    .describe('Headers that must all match.')
    .meta(mapList('name')),
  paths: z
    .array(requestPath)
    .min(1)
    .max(16)
    .optional()
    .describe('Request paths such as `/v1/embeddings`, exactly; one of them must match.')
    .meta(setList),
  models: z
    .array(modelName)
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Asked models, exactly; one of them must match. For rules that tell apart what one pattern of the route lets in.',
    )
    .meta(setList),
  prompt: z
    .strictObject({
      tokens: range(MOST, 'this many')
        .optional()
        .describe(
          'Estimated input tokens, by fixed published ratios: the same in every sidecar and in `outrider explain`.',
        ),
      turns: range(MOST, 'this many').optional().describe('Number of user messages.'),
      contains: z
        .array(z.string().min(1).max(256))
        .min(1)
        .max(64)
        .optional()
        .describe('Keywords; one of them occurs in the text of a user message, ignoring case.')
        .meta(setList),
      pattern: pattern
        .optional()
        .describe('RE2 pattern found in the text of a user message. No back-references, no look-around.'),
      ...promptSignals,
    })
    .meta(
      cel({
        rule: 'has(self.tokens) || has(self.turns) || has(self.contains) || has(self.pattern) || has(self.difficulty) || has(self.content) || has(self.languages) || has(self.intents) || has(self.labels)',
        message:
          'at least one of tokens, turns, contains, pattern, difficulty, content, languages, intents and labels is required',
      }),
    )
    .optional()
    .describe('What must hold for the prompt.'),
  request: z
    .strictObject({
      tools: z.boolean().optional().describe('Whether the request offers tools.'),
      vision: z.boolean().optional().describe('Whether a message carries an image.'),
      jsonSchema: z.boolean().optional().describe('Whether output must follow a JSON schema.'),
      stream: z.boolean().optional().describe('Whether the response is streamed.'),
      reasoning: z
        .boolean()
        .optional()
        .describe('Whether the caller asks the model to reason: an effort above minimal, or thinking.'),
    })
    .meta(
      cel({
        rule: 'has(self.tools) || has(self.vision) || has(self.jsonSchema) || has(self.stream) || has(self.reasoning)',
        message: 'at least one of tools, vision, jsonSchema, stream and reasoning is required',
      }),
    )
    .optional()
    .describe('Features the request must use (true) or must not use (false).'),
  ...matchSignals,
});
