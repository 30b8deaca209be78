/** What a route can tell of a prompt beyond its envelope: intents by example, and the label of what it carries. */
import { z } from 'zod';
import { cel, dnsLabel, headerName, mapList, matching, modelName, objectName, setList } from '../common.ts';

/** Fewest and most that a percentage can be. */
const percent = z.int().min(0).max(100);

export const classificationLabel = matching(
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  'a label such as Confidential: letters, digits, ".", "_" and "-"',
  1,
  63,
);

const intent = z.strictObject({
  name: dnsLabel.describe('What matches call it; `none` stands for no intent and cannot be a name.'),
  examples: z
    .array(z.string().min(1).max(1024))
    .min(1)
    .max(128)
    .describe(
      'Prompts of this intent as users write them; twenty or more, worded differently, tell intents apart well.',
    )
    .meta(setList),
});

export const intents = z
  .strictObject({
    method: z
      .enum(['Lexical', 'Embeddings'])
      .optional()
      .describe(
        'How a prompt is compared with the examples. Lexical: by its words and their parts, in the sidecar, without asking any model. Embeddings: by vectors of a model. Unset: Lexical.',
      ),
    embeddings: z
      .strictObject({
        provider: z
          .strictObject({
            name: objectName.describe('Name of the LLMProvider.'),
            namespace: dnsLabel
              .optional()
              .describe('Namespace of the LLMProvider. Unset: found as for targets.'),
          })
          .describe('Provider that makes the vectors.'),
        model: modelName.describe('Its model, which must have the capability Embeddings.'),
      })
      .optional()
      .describe('For method Embeddings.'),
    minScorePercent: percent
      .optional()
      .describe('A prompt whose best intent scores less has none. Unset: 40 for Lexical.'),
    marginPercent: percent
      .optional()
      .describe(
        'A prompt whose best intent is not this much ahead of the next has none. Unset: 5 for Lexical.',
      ),
    list: z
      .array(intent)
      .min(1)
      .max(16)
      .describe('The intents.')
      .meta({
        ...mapList('name'),
        ...cel({
          rule: "self.all(i, i.name != 'none')",
          message: 'none stands for no intent; call it something else',
        }),
      }),
  })
  .meta(
    cel({
      rule: "has(self.embeddings) == (has(self.method) && self.method == 'Embeddings')",
      message: 'embeddings is required when method is Embeddings, and must be absent otherwise',
      fieldPath: '.embeddings',
    }),
  );

export const signals = z
  .strictObject({
    intents: intents
      .optional()
      .describe('What users want, told by examples; `matches[].prompt.intents` asks for it.'),
  })
  .describe('What the rules of the route can ask about a prompt beyond what every route can.');

export const classification = z
  .strictObject({
    header: headerName.describe(
      'Request header in which the app says how sensitive the request is, with a label such as Confidential. Case does not matter.',
    ),
    unset: classificationLabel
      .optional()
      .describe('Label of requests that do not carry the header. Unset: they have none.'),
  })
  .describe('The label of what a request carries, for `matches[].classifications` and for data policies.');
