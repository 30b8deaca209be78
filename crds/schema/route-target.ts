/** One place a request can go to, and what is changed in the request for it. */
import { z } from 'zod';
import { cel, dnsLabel, header, mapList, matching, modelName, objectName, setList } from '../common.ts';
import { spillover } from './route-outlook.ts';

const UNPATCHABLE = "['model', 'messages', 'input', 'prompt', 'stream', 'stream_options']";
const UNPATCHABLE_MESSAGE = 'model, messages, input, prompt, stream and stream_options cannot be patched';

const memberName = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'the name of a member of the request body: letters, digits and "_", such as max_completion_tokens',
  1,
  64,
);
const member = z
  .strictObject({
    name: memberName.describe('Name of a top-level member of the request body, such as `temperature`.'),
    value: z
      .unknown()
      .meta({ nullable: true, 'x-kubernetes-preserve-unknown-fields': true })
      .describe('Any JSON value.'),
  })
  .meta(cel({ rule: `!(self.name in ${UNPATCHABLE})`, message: UNPATCHABLE_MESSAGE, fieldPath: '.name' }));

export const patch = z
  .strictObject({
    set: z
      .array(member)
      .max(16)
      .optional()
      .describe('Members set to a value, whatever the caller sent.')
      .meta(mapList('name')),
    default: z
      .array(member)
      .max(16)
      .optional()
      .describe('Members set where the caller sent none.')
      .meta(mapList('name')),
    remove: z
      .array(memberName)
      .max(16)
      .optional()
      .describe('Members removed; for targets that refuse them.')
      .meta({
        ...setList,
        ...cel({ rule: `self.all(name, !(name in ${UNPATCHABLE}))`, message: UNPATCHABLE_MESSAGE }),
      }),
    headers: z
      .array(header)
      .max(8)
      .optional()
      .describe("Headers added to the upstream request; they win over the provider's.")
      .meta(mapList('name')),
  })
  .meta(
    cel(
      {
        rule: '!has(self.remove) || !has(self.set) || self.set.all(m, !(m.name in self.remove))',
        message: 'a member cannot be both set and removed',
        fieldPath: '.remove',
      },
      {
        rule: '!has(self.remove) || !has(self.default) || self.default.all(m, !(m.name in self.remove))',
        message: 'a member cannot both have a default and be removed',
        fieldPath: '.remove',
      },
    ),
  );

export const target = z.strictObject({
  name: dnsLabel.describe('Name of the target within its rule; shown in headers, metrics and traces.'),
  provider: z
    .strictObject({
      name: objectName.describe('Name of an LLMProvider.'),
      namespace: dnsLabel
        .optional()
        .describe(
          'Its namespace. Unset: the namespace of the route, then the platform namespaces that export the name.',
        ),
    })
    .describe('The provider that serves the target.'),
  model: modelName.optional().describe('Model to ask the provider for. Unset: the model the app asked for.'),
  credential: dnsLabel.optional().describe("One of the provider's credentials. Unset: any, by weight."),
  weight: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Share within its priority; 0 takes no traffic. Unset: 1.'),
  priority: z
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe(
      'Tier: the lowest number is tried first, a higher one only when all lower ones fail. Unset: 0.',
    ),
  spillover: spillover
    .optional()
    .describe(
      'When requests go on to the other targets although this one could serve them: it then stands behind all others of the rule. Unset: never.',
    ),
  request: patch
    .optional()
    .describe(
      'Changes to the request body and headers for this target; everything else passes byte for byte.',
    ),
});
