/** LLMProvider: how to call one vendor, with which keys, and what its models can do and cost. */
import { z } from 'zod';
import {
  cel,
  conditions,
  decimal,
  dnsLabel,
  duration,
  header,
  type KindDefinition,
  type KubeObject,
  labelSelector,
  mapList,
  modelName,
  objectName,
  secretRef,
  setList,
} from './common.ts';

export const PROVIDER_TYPES = ['OpenAI', 'OpenAICompatible'] as const;
export const CAPABILITIES = ['Chat', 'Completions', 'Embeddings', 'Tools', 'Vision', 'JSONSchema'] as const;
/** Token units are priced per million, Request per call. */
export const PRICE_UNITS = [
  'InputToken',
  'CacheReadToken',
  'AudioInputToken',
  'OutputToken',
  'ReasoningToken',
  'AudioOutputToken',
  'Request',
] as const;

const price = z
  .strictObject({
    unit: z.enum(PRICE_UNITS).describe('What is counted.'),
    perMillion: decimal.optional().describe('US dollars per million tokens, as a decimal string.'),
    each: decimal.optional().describe('US dollars per request, as a decimal string; for unit Request.'),
  })
  .meta(
    cel({
      rule: "self.unit == 'Request' ? has(self.each) && !has(self.perMillion) : has(self.perMillion) && !has(self.each)",
      message: 'token units take perMillion, unit Request takes each',
    }),
  );

const model = z.strictObject({
  name: modelName.describe('Name routes and apps use for the model.'),
  upstreamName: modelName.optional().describe("The vendor's own name, if it differs."),
  capabilities: z
    .array(z.enum(CAPABILITIES))
    .min(1)
    .max(16)
    .optional()
    .describe(
      'What the model can do. Unset: from the catalogue, or everything if the catalogue does not know it.',
    )
    .meta(setList),
  contextWindow: z
    .int()
    .min(1)
    .max(100_000_000)
    .optional()
    .describe('Tokens of input and output together. Unset: from the catalogue, or unlimited.'),
  maxOutputTokens: z
    .int()
    .min(1)
    .max(100_000_000)
    .optional()
    .describe('Largest output a request may ask for. Unset: unlimited.'),
  pricing: z
    .array(price)
    .max(16)
    .optional()
    .describe(
      'Prices in US dollars. Unset: from the catalogue; unknown there, the cost is reported as unknown.',
    )
    .meta(mapList('unit')),
});

const credential = z
  .strictObject({
    name: dnsLabel.describe('Name of the credential within this provider.'),
    type: z
      .enum(['APIKey', 'Passthrough'])
      .describe("APIKey: a key from a Secret. Passthrough: the caller's own Authorization header."),
    secretRef: secretRef.optional().describe('Where the key is kept; for type APIKey.'),
    weight: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Share of requests among the credentials of this provider. Unset: 1.'),
    namespaces: labelSelector
      .optional()
      .describe('Namespaces whose routes may use this credential. Unset: all that may use the provider.'),
  })
  .meta(
    cel({
      rule: "self.type == 'APIKey' ? has(self.secretRef) : !has(self.secretRef)",
      message: 'secretRef is required for type APIKey and must be absent for type Passthrough',
    }),
  );

const url = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[A-Za-z0-9._:[\]-]+(\/[A-Za-z0-9._~/%-]*)?$/)
  .describe(
    'Base URL including the version path, such as https://api.openai.com/v1. No query, no credentials.',
  );

const endpoint = z.strictObject({
  url: url.optional(),
  headers: z
    .array(header)
    .max(32)
    .optional()
    .describe('Headers sent with every request to this provider; for anything but credentials.')
    .meta(mapList('name')),
  tls: z
    .strictObject({
      caBundle: z
        .string()
        .min(1)
        .max(131_072)
        .optional()
        .describe('PEM certificates that sign the endpoint, besides the system roots.'),
    })
    .optional()
    .describe('How the endpoint proves who it is.'),
});

const passive = z.strictObject({
  consecutiveErrors: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Failures in a row that eject a target. Unset: 5. Credential failures and connect failures eject at once.',
    ),
  ejectionTime: duration
    .optional()
    .describe('First ejection; doubles with each further one. Unset: 5s. A longer Retry-After wins.'),
  maxEjectionTime: duration.optional().describe('Longest ejection without a Retry-After. Unset: 2m.'),
});

const spec = z
  .strictObject({
    type: z
      .enum(PROVIDER_TYPES)
      .describe('Which vendor, and so which wire format, authentication and quirks.'),
    base: z
      .strictObject({
        name: objectName.describe('Name of the provider to inherit from.'),
        namespace: objectName.describe('A platform namespace.'),
      })
      .optional()
      .describe(
        "Inherit a platform provider's endpoint and models; only credentials and allowedNamespaces may be set beside it.",
      ),
    endpoint: endpoint.optional().describe('Where to call. Unset: the default URL of the type.'),
    credentials: z
      .array(credential)
      .max(32)
      .optional()
      .describe('A pool of credentials. Empty: none is sent, for open local servers.')
      .meta(mapList('name')),
    models: z
      .array(model)
      .max(256)
      .optional()
      .describe(
        'Models this provider serves. Unset: any model of the catalogue; for OpenAICompatible, any name.',
      )
      .meta(mapList('name')),
    streamUsage: z
      .enum(['Always', 'OnRequest', 'Never'])
      .optional()
      .describe('When streams carry usage. Unset: by type (OpenAI and OpenAICompatible: OnRequest).'),
    healthCheck: z
      .strictObject({ passive: passive.optional().describe('Ejection by observed failures.') })
      .optional()
      .describe('How the health of this provider is judged.'),
    allowedNamespaces: z
      .strictObject({
        from: z.enum(['Same', 'All', 'Selector']).describe('Same: this namespace only.'),
        selector: labelSelector.optional().describe('Labels of namespaces; for from Selector.'),
      })
      .meta(
        cel({
          rule: "self.from == 'Selector' ? has(self.selector) : !has(self.selector)",
          message: 'selector is required when from is Selector, and must be absent otherwise',
        }),
      )
      .optional()
      .describe(
        'Namespaces whose routes may use this provider. Unset: Same. Other values count only in platform namespaces.',
      ),
  })
  .meta(
    cel(
      {
        rule: "self.type != 'OpenAICompatible' || has(self.base) || (has(self.endpoint) && has(self.endpoint.url))",
        message: 'endpoint.url is required for type OpenAICompatible',
      },
      {
        rule: '!has(self.base) || (!has(self.endpoint) && !has(self.models) && !has(self.streamUsage) && !has(self.healthCheck))',
        message: 'with base, only credentials and allowedNamespaces may be set: everything else is inherited',
      },
    ),
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
  description: 'LLMProvider says how to call a vendor of language models.',
  spec,
  status,
  printerColumns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Vendor' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Summary',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age' },
    { name: 'URL', type: 'string', jsonPath: '.spec.endpoint.url', description: 'Endpoint', priority: 1 },
  ],
};
