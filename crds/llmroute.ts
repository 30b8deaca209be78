/** LLMRoute: what an app's requests become. Vocabulary of Gateway API's HTTPRoute where one exists. */
import { z } from 'zod';
import {
  atomicList,
  cel,
  conditions,
  type KindDefinition,
  type KubeObject,
  labelSelector,
  matching,
} from './common.ts';
import { budgets } from './schema/budget.ts';
import { budgetStatuses } from './schema/budget-status.ts';
import { chargeback } from './schema/route-chargeback.ts';
import { experimentStatuses } from './schema/route-experiment-status.ts';
import type { FAILURE_CLASSES } from './schema/route-hedging.ts';
import { rule } from './schema/route-rule.ts';
import { classification, signalRules, signals } from './schema/route-signals.ts';

const modelPattern = matching(
  /^([A-Za-z0-9][A-Za-z0-9._:/@+-]*\*?|\*)$/,
  'the name of a model, a prefix such as gpt-*, or *',
  1,
  256,
);

const spec = z
  .strictObject({
    workloadSelector: labelSelector
      .optional()
      .describe('Pods the route is for, by label. Unset or empty: every sidecar in the namespace.'),
    namespaceSelector: labelSelector
      .optional()
      .describe(
        'Namespaces the route is for besides its own; counts only in platform namespaces. Such a route ranks below any route of the namespace itself.',
      ),
    models: z
      .array(modelPattern)
      .min(1)
      .max(64)
      .describe(
        'Names an app may ask for: exact, `prefix*`, or `*`. Where several routes fit, exact wins over prefix, and a longer prefix over a shorter one.',
      )
      .meta(atomicList),
    unsupportedParameters: z
      .enum(['Reject', 'Warn', 'Drop'])
      .optional()
      .describe(
        'What happens to parameters of a request that a target of another wire format cannot honour. Reject: such a target is passed over. Warn: they are left out and named in x-outrider-warnings. Drop: they are left out. Unset: Warn.',
      ),
    chargeback,
    signals: signals.optional(),
    classification: classification.optional(),
    rules: z
      .array(rule)
      .min(1)
      .max(64)
      .describe('The first rule that matches decides; if none does, the request gets a 404.')
      .meta({
        ...atomicList,
        ...cel({
          rule: 'self.all(r, self.exists_one(s, s.name == r.name))',
          message: 'rule names must be unique within a route',
        }),
      }),
    budgets: budgets.describe(
      "The team's own limits on what the route may spend, besides those of policies over it: a request needs headroom in every one. Unset: none.",
    ),
  })
  .meta(cel(...signalRules));

const rejection = z.strictObject({
  pod: z.string().max(320).describe('Pod that rejected, as namespace/name.'),
  item: z.string().max(640).describe('What it rejected, such as route/shop/assistant.'),
  reason: z.string().max(1024).describe('Why.'),
});

const status = z.strictObject({
  observedGeneration: z.int().min(0).optional().describe('metadata.generation this status was computed for.'),
  conditions,
  proxies: z
    .strictObject({
      expected: z.int().min(0).describe('Running sidecars the route is for.'),
      connected: z.int().min(0).describe('Of those, connected to the operator.'),
      programmed: z.int().min(0).describe('Of those, running this generation.'),
      stale: z.int().min(0).describe('Of those, running an older generation.'),
      rejectedCount: z.int().min(0).describe('Of those, that rejected this generation.'),
      rejected: z.array(rejection).max(10).optional().describe('Up to ten rejections.').meta(atomicList),
    })
    .optional()
    .describe('What the proxies really run.'),
  experiments: experimentStatuses,
  budgets: budgetStatuses,
});

export type LLMRouteSpec = z.infer<typeof spec>;
export type LLMRouteStatus = z.infer<typeof status>;
export type LLMRoute = KubeObject<LLMRouteSpec, LLMRouteStatus>;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

export const llmRoute: KindDefinition = {
  kind: 'LLMRoute',
  plural: 'llmroutes',
  singular: 'llmroute',
  shortNames: ['llmr'],
  description:
    "LLMRoute says what an application's requests for a model become: which rule they fall under, which targets serve them, and what happens when a target fails.",
  example: `apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata:
  name: assistant
  namespace: shop
spec:
  models: [assistant, "gpt-*"]
  rules:
  - name: long-prompts
    matches:
    - prompt: { tokens: { min: 20000 } }
    targets:
    - { name: large, provider: { name: openai }, model: gpt-4.1 }
  - name: everything-else
    targets:
    - { name: own, provider: { name: vllm }, model: llama-3.3-70b, weight: 80 }
    - { name: bought, provider: { name: openai }, model: gpt-4.1-mini, weight: 20 }
    - { name: spare, provider: { name: openai }, model: gpt-4.1, priority: 1 }
    timeouts: { firstToken: 20s }
`,
  spec,
  status,
  conditions: [
    {
      type: 'Ready',
      meaning: 'Summary: True when the route is accepted, its references are resolved and sidecars run it.',
    },
    { type: 'Accepted', meaning: 'The spec is valid and the route answers for at least one of its models.' },
    { type: 'ResolvedRefs', meaning: 'Every provider and credential it names exists and may be used.' },
    {
      type: 'Programmed',
      meaning:
        'Every sidecar the route is for acknowledged this generation. False when one rejected it, Unknown when one is silent.',
    },
    {
      type: 'Conflicted',
      meaning: 'Another route answers for some of its models; the message names each pattern and its winner.',
    },
  ],
  printerColumns: [
    { name: 'Models', type: 'string', jsonPath: '.spec.models', description: 'Names an app may ask for' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Summary of all conditions',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why Ready is as it is',
    },
    {
      name: 'Programmed',
      type: 'integer',
      jsonPath: '.status.proxies.programmed',
      description: 'Sidecars that run this generation',
    },
    {
      name: 'Proxies',
      type: 'integer',
      jsonPath: '.status.proxies.expected',
      description: 'Sidecars the route is for',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation',
    },
    {
      name: 'Stale',
      type: 'integer',
      jsonPath: '.status.proxies.stale',
      description: 'Sidecars on an older generation',
      priority: 1,
    },
    {
      name: 'Rejected',
      type: 'integer',
      jsonPath: '.status.proxies.rejectedCount',
      description: 'Sidecars that rejected it',
      priority: 1,
    },
  ],
};
