/** LLMPolicy: what the owners of a platform, or of a namespace, require of routes. */
import { z } from 'zod';
import {
  atomicList,
  conditions,
  type KindDefinition,
  type KubeObject,
  labelSelector,
  mapList,
} from './common.ts';
import { budget } from './schema/budget.ts';
import { budgetStatuses } from './schema/budget-status.ts';
import { alerts, routeRef } from './schema/policy-alerts.ts';
import { defaults, overrides } from './schema/policy-settings.ts';

const spec = z.strictObject({
  targetRefs: z
    .array(routeRef)
    .max(64)
    .optional()
    .describe('Routes the policy is for. Unset or empty: all routes of the namespaces it is for.')
    .meta(atomicList),
  namespaceSelector: labelSelector
    .optional()
    .describe(
      'Namespaces whose routes the policy is for besides its own; counts only in platform namespaces.',
    ),
  defaults,
  overrides,
  budgets: z
    .array(budget)
    .max(16)
    .optional()
    .describe(
      'What all routes under the policy may spend together, told apart by key. They add up over routes and namespaces, and count besides the budgets of routes: a request needs headroom in every one.',
    )
    .meta(mapList('name')),
  alerts,
});

const status = z.strictObject({
  observedGeneration: z.int().min(0).optional().describe('metadata.generation this status was computed for.'),
  conditions,
  routes: z.int().min(0).optional().describe('Routes that are under the policy.'),
  budgets: budgetStatuses,
});

export type LLMPolicySpec = z.infer<typeof spec>;
export type LLMPolicyStatus = z.infer<typeof status>;
export type LLMPolicy = KubeObject<LLMPolicySpec, LLMPolicyStatus>;

export const llmPolicy: KindDefinition = {
  kind: 'LLMPolicy',
  plural: 'llmpolicies',
  singular: 'llmpolicy',
  shortNames: ['llmpol'],
  description:
    'LLMPolicy says what the owners of a platform or of a namespace require of routes: values where they are silent, limits that they cannot loosen, and budgets that they share.',
  example: `apiVersion: outrider.dev/v1alpha1
kind: LLMPolicy
metadata:
  name: teams
  namespace: platform
spec:
  namespaceSelector:
    matchLabels: { tier: team }
  defaults:
    timeouts: { firstToken: 20s }
  overrides:
    allowedProviders:
    - { name: openai }
    - { name: vllm }
    maxOutputTokens: 4096
    dataPolicy: { residency: [EU], training: Never }
  budgets:
  - name: monthly
    amount: "500"
    period: { unit: Month, timeZone: Europe/Berlin }
    key: [{ by: Namespace }]
    perKey:
    - { value: research, amount: "2500" }
    onExhausted: Downgrade
    alertAt: [50, 80, 100]
`,
  spec,
  status,
  conditions: [
    { type: 'Ready', meaning: 'Summary: True when the policy is accepted and its references are resolved.' },
    {
      type: 'Accepted',
      meaning:
        'The spec is valid and all of it counts. False, too, where a field counts only in platform namespaces and this is none: the rest is in force. Routes under a policy that is not valid keep the version they have.',
    },
    {
      type: 'ResolvedRefs',
      meaning:
        'Every route, provider and Secret it names is there, and the operator may dial the host of its webhook.',
    },
  ],
  printerColumns: [
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
    { name: 'Routes', type: 'integer', jsonPath: '.status.routes', description: 'Routes under the policy' },
    {
      name: 'Budget',
      type: 'string',
      jsonPath: '.status.budgets[0].name',
      description: 'Budget that is nearest to its amount',
    },
    {
      name: 'Spent',
      type: 'integer',
      jsonPath: '.status.budgets[0].percent',
      description: 'Percent of that budget that is spent',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation',
    },
  ],
};
