/** LLMProvider: how to call one vendor, with which keys, and what its models can do and cost. */
import { z } from 'zod';
import {
  cel,
  conditions,
  dnsLabel,
  duration,
  type KindDefinition,
  type KubeObject,
  labelSelector,
  mapList,
  objectName,
} from './common.ts';
import { activeCheck } from './schema/provider-active-check.ts';
import { azure, bedrock, typeRules, vertex } from './schema/provider-cloud.ts';
import { credential } from './schema/provider-credential.ts';
import { dataPolicy, region } from './schema/provider-data-policy.ts';
import { endpoint } from './schema/provider-endpoint.ts';
import { concurrency, errorRate, limits, slowCall } from './schema/provider-limits.ts';
import { model } from './schema/provider-model.ts';

export const PROVIDER_TYPES = [
  'OpenAI',
  'AzureOpenAI',
  'Anthropic',
  'Gemini',
  'VertexAI',
  'Bedrock',
  'Cohere',
  'Mistral',
  'Groq',
  'Together',
  'Fireworks',
  'DeepSeek',
  'XAI',
  'Perplexity',
  'Cerebras',
  'OpenRouter',
  'NVIDIANIM',
  'HuggingFace',
  'DeepInfra',
  'SambaNova',
  'Moonshot',
  'CloudflareWorkersAI',
  'Databricks',
  'Ollama',
  'VLLM',
  'TGI',
  'LMStudio',
  'OpenAICompatible',
] as const;

const passive = z.strictObject({
  consecutiveErrors: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Failures in a row that eject a target. Unset: 5. Failures of the credential or of the connection eject at once.',
    ),
  ejectionTime: duration
    .optional()
    .describe(
      'How long the first ejection lasts; doubles with each further one. Unset: 5s. A longer Retry-After wins.',
    ),
  maxEjectionTime: duration
    .optional()
    .describe('Longest ejection without a Retry-After. Unset: 2m, or ejectionTime where that is longer.'),
  slowCall: slowCall.optional(),
  errorRate: errorRate.optional(),
});

const spec = z
  .strictObject({
    type: z
      .enum(PROVIDER_TYPES)
      .describe(
        'Which vendor, and so which wire formats, authentication and quirks. OpenAICompatible: any other server that speaks the OpenAI API.',
      ),
    azure: azure.optional().describe('For type AzureOpenAI; required there.'),
    vertex: vertex.optional().describe('For type VertexAI; required there.'),
    bedrock: bedrock.optional().describe('For type Bedrock; required there.'),
    base: z
      .strictObject({
        name: objectName.describe('Name of the provider to inherit from.'),
        namespace: dnsLabel.describe('Its namespace: a platform namespace.'),
      })
      .optional()
      .describe(
        'Inherit the endpoint, models, prices, data policy and health checks of a platform provider of the same type; only credentials, limits and allowedNamespaces may be set beside it.',
      ),
    endpoint: endpoint.optional().describe('Where to call. Unset: the default URL of the type.'),
    credentials: z
      .array(credential)
      .max(32)
      .optional()
      .describe(
        'A pool of credentials: requests are shared out by weight, and one that is refused or out of quota is left out until it recovers. Unset or empty: none is sent, for open local servers.',
      )
      .meta(mapList('name')),
    models: z
      .array(model)
      .max(256)
      .optional()
      .describe(
        'Models this provider serves; no others are asked for. Unset or empty: any model of the catalogue; for vendors whose models go by names of their users, and for hosts of many makers, any name.',
      )
      .meta(mapList('name')),
    region: region
      .optional()
      .describe(
        'Where the provider is, such as eu-central-1: the words are your own, and compared as they are. Unset: not known.',
      ),
    dataPolicy: dataPolicy
      .optional()
      .describe(
        'What the provider does with what it is sent. Counts only in platform namespaces, and for providers that inherit it with base: who spends must not vouch for it.',
      ),
    streamUsage: z
      .enum(['Always', 'OnRequest', 'Never'])
      .optional()
      .describe(
        'When streams carry usage. Always: unasked. OnRequest: the proxy asks for it and hides it from callers that did not. Never: tokens are estimated. Unset: by type.',
      ),
    limits: limits
      .optional()
      .describe(
        'What may be asked of this provider in all, by each proxy as far as the fleet has not been given shares. A target without headroom is passed over. Beside base: the lower of both. Unset: no limit.',
      ),
    concurrency: concurrency
      .optional()
      .describe('Requests under way at once of each model of this provider, in one pod. Unset: any number.'),
    healthCheck: z
      .strictObject({
        passive: passive.optional().describe('Ejection by observed failures.'),
        active: activeCheck
          .optional()
          .describe(
            'The provider is asked whether it is well, by at most three proxies for all. Unset: it is not.',
          ),
      })
      .optional()
      .describe('How the health of this provider is judged.'),
    allowedNamespaces: z
      .strictObject({
        from: z
          .enum(['Same', 'All', 'Selector'])
          .describe(
            'Same: this namespace only. All: every namespace. Selector: namespaces whose labels selector matches.',
          ),
        selector: labelSelector.optional().describe('Labels of namespaces; for from Selector.'),
      })
      .meta(
        cel({
          rule: "self.from == 'Selector' ? has(self.selector) : !has(self.selector)",
          message: 'selector is required when from is Selector, and must be absent otherwise',
          fieldPath: '.selector',
        }),
      )
      .optional()
      .describe(
        'Namespaces whose routes may use this provider. Unset: Same. All and Selector count only in platform namespaces.',
      ),
  })
  .meta(
    cel(...typeRules, {
      rule: '!has(self.base) || (!has(self.endpoint) && !has(self.models) && !has(self.streamUsage) && !has(self.healthCheck) && !has(self.concurrency) && !has(self.region) && !has(self.dataPolicy))',
      message:
        'with base, only credentials, limits and allowedNamespaces may be set: everything else is inherited',
      fieldPath: '.base',
    }),
  );

const status = z.strictObject({
  observedGeneration: z.int().min(0).optional().describe('metadata.generation this status was computed for.'),
  conditions,
  models: z
    .array(
      z.strictObject({
        name: z.string().max(256).describe('Name of the model.'),
        priced: z.boolean().describe('Whether its prices are known.'),
      }),
    )
    .max(256)
    .optional()
    .describe('Models of this provider that routes name, and whether their prices are known.')
    .meta(mapList('name')),
});

export type LLMProviderSpec = z.infer<typeof spec>;
export type LLMProviderStatus = z.infer<typeof status>;
export type LLMProvider = KubeObject<LLMProviderSpec, LLMProviderStatus>;

export const llmProvider: KindDefinition = {
  kind: 'LLMProvider',
  plural: 'llmproviders',
  singular: 'llmprovider',
  shortNames: ['llmp'],
  description:
    'LLMProvider says how to call a vendor of language models: where, with which credentials, and what its models can do and cost. Routes send requests to it by name.',
  example: `apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata:
  name: openai
  namespace: shop
spec:
  type: OpenAI
  credentials:
  - name: main
    type: APIKey
    secretRef: { name: openai, key: api-key }
---
apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata:
  name: vllm
  namespace: shop
spec:
  type: OpenAICompatible
  endpoint:
    url: http://vllm.models.svc:8000/v1
  models:
  - name: llama-3.3-70b
    upstreamName: meta-llama/Llama-3.3-70B-Instruct
    capabilities: [Chat, Completions, Tools]
    contextWindow: 131072
    pricing:
    - { unit: InputToken, perMillion: "0.20" }
    - { unit: OutputToken, perMillion: "0.60" }
`,
  spec,
  status,
  conditions: [
    { type: 'Ready', meaning: 'Summary: True when every other condition is as it should be.' },
    { type: 'Accepted', meaning: 'The spec is valid and every field of it is known to this operator.' },
    { type: 'ResolvedRefs', meaning: 'Secrets and the base it names exist and may be used.' },
    { type: 'Programmed', meaning: 'Every sidecar that needs the provider runs this generation.' },
    {
      type: 'Healthy',
      meaning:
        'Pods that call the provider get answers in time, by what all of them say; there once somebody has called it. Not part of Ready.',
    },
  ],
  printerColumns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Vendor' },
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
      name: 'Healthy',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Healthy")].status',
      description: 'Whether pods that call it get answers',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation',
    },
    {
      name: 'URL',
      type: 'string',
      jsonPath: '.spec.endpoint.url',
      description: 'Endpoint, if the spec names one',
      priority: 1,
    },
  ],
};
