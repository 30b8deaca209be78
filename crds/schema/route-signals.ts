/** What a route can tell of a prompt beyond its envelope: intents by example, and the label of what it carries. */
import { z } from 'zod';
import { cel, dnsLabel, headerName, mapList, matching, setList } from '../common.ts';
import { classifier, embeddings } from './route-signal-models.ts';

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

const intents = z
  .strictObject({
    method: z
      .enum(['Lexical', 'Embeddings'])
      .optional()
      .describe(
        'How a prompt is compared with the examples. Lexical: by its words and their parts, in the sidecar, without asking any model. Embeddings: by vectors of a model. Unset: Lexical.',
      ),
    embeddings: embeddings
      .optional()
      .describe(
        'For method Embeddings: the model that makes the vectors. Those of the examples are made once, by the operator where it may dial the provider, else by each sidecar.',
      ),
    minScorePercent: percent
      .optional()
      .describe('A prompt whose best intent scores less has none. Unset: 60 for Lexical, 40 for Embeddings.'),
    marginPercent: percent
      .optional()
      .describe(
        'A prompt whose best intent is not this much ahead of the next has none. Unset: 10 for Lexical, 2 for Embeddings.',
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
    classifier: classifier
      .optional()
      .describe(
        'A model that labels the prompt; `matches[].prompt.labels` asks for it. It is asked only where a rule that may still be the first needs to know, what it costs is counted under the rule `signals.classifier`, and what it is not asked or does not answer in time is unknown.',
      ),
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

const NAMED = (list: string, named: string): string =>
  `self.rules.all(r, !has(r.matches) || r.matches.all(m, !has(m.prompt) || !has(m.prompt.${list}) || m.prompt.${list}.all(i, i == 'none' || (has(self.signals) && has(self.signals.${named.split('.')[0]}) && self.signals.${named}.exists(x, x.name == i)))))`;

/** Rules for a route: what matches ask for must be defined. */
export const signalRules = [
  {
    rule: NAMED('intents', 'intents.list'),
    message: 'matches[].prompt.intents may name none and the intents of signals.intents.list only',
    fieldPath: '.rules',
  },
  {
    rule: NAMED('labels', 'classifier.labels'),
    message: 'matches[].prompt.labels may name none and the labels of signals.classifier.labels only',
    fieldPath: '.rules',
  },
  {
    rule: 'has(self.classification) || self.rules.all(r, !has(r.matches) || r.matches.all(m, !has(m.classifications)))',
    message: 'matches[].classifications needs classification.header, which says where labels come from',
    fieldPath: '.rules',
  },
];
