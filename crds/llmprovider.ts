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
  matching,
  modelName,
  namespaceName,
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
    unit: z
      .enum(PRICE_UNITS)
      .describe(
        'What is counted. A unit without a price of its own is billed as the unit it is part of: CacheReadToken and AudioInputToken as InputToken, ReasoningToken and AudioOutputToken as OutputToken.',
      ),
    perMillion: decimal
      .optional()
      .describe('US dollars per million tokens, as a decimal string such as "2.50"; for the token units.'),
    each: decimal
      .optional()
      .describe('US dollars per request, as a decimal string such as "0.01"; for unit Request.'),
  })
  .meta(
    cel({
      rule: "self.unit == 'Request' ? has(self.each) && !has(self.perMillion) : has(self.perMillion) && !has(self.each)",
      message: 'token units take perMillion, unit Request takes each',
    }),
  );

const model = z
  .strictObject({
    name: modelName.describe('Name that routes and apps use for the model.'),
    upstreamName: modelName.optional().describe("The vendor's own name, if it differs. Unset: name."),
    capabilities: z
      .array(z.enum(CAPABILITIES))
      .min(1)
      .max(16)
      .optional()
      .describe(
        'What the model can do; a request that needs more is not sent to it. Unset: from the catalogue, or everything if the catalogue does not know the model.',
      )
      .meta(setList),
    contextWindow: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe(
        'Tokens of input and output together; a request that cannot fit is not sent to it. Unset: from the catalogue, or unlimited.',
      ),
    maxOutputTokens: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe('Largest output a request may ask for. Unset: unlimited.'),
    pricing: z
      .array(price)
      .min(1)
      .max(16)
      .optional()
      .describe(
        'Prices in US dollars, one per unit. Unset: from the catalogue; unknown there, the cost is reported as unknown and never as zero.',
      )
      .meta(mapList('unit')),
  })
  .meta(
    cel({
      rule: '!has(self.contextWindow) || !has(self.maxOutputTokens) || self.maxOutputTokens <= self.contextWindow',
      message: 'maxOutputTokens must not be greater than contextWindow',
      fieldPath: '.maxOutputTokens',
    }),
  );

const credential = z
  .strictObject({
    name: dnsLabel.describe('Name of the credential within this provider; routes may name it.'),
    type: z
      .enum(['APIKey', 'Passthrough'])
      .describe(
        "APIKey: a key from a Secret, sent as the vendor wants it. Passthrough: the caller's own Authorization header; it never goes to another provider.",
      ),
    secretRef: secretRef.optional().describe('Where the key is kept; for type APIKey.'),
    weight: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Share of requests among the credentials of this provider; 0 takes none. Unset: 1.'),
    namespaces: labelSelector
      .optional()
      .describe('Namespaces whose routes may use this credential. Unset: all that may use the provider.'),
  })
  .meta(
    cel({
      rule: "self.type == 'APIKey' ? has(self.secretRef) : !has(self.secretRef)",
      message: 'secretRef is required for type APIKey and must be absent for type Passthrough',
      fieldPath: '.secretRef',
    }),
  );

const url = matching(
  /^https?:\/\/([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\/[A-Za-z0-9._~/%-]*)?$/,
  'an http or https URL with the version path, such as https://api.openai.com/v1, without user, query and fragment',
  8,
  2048,
);

const endpoint = z
  .strictObject({
    url: url
      .optional()
      .describe(
        'Base URL with the version path, such as `https://api.openai.com/v1`; the paths of the API are appended. No user, query or fragment. Unset: the default URL of the type.',
      ),
    headers: z
      .array(header)
      .max(32)
      .optional()
      .describe(
        'Headers sent with every request to this provider, such as an organisation or a region; for anything but credentials.',
      )
      .meta(mapList('name')),
    tls: z
      .strictObject({
        caBundle: z
          .string()
          .min(1)
          .max(131_072)
          .optional()
          .describe('PEM certificates that sign the certificate of the endpoint, besides the system roots.')
          .meta(
            cel({
              rule: "self.matches('-----BEGIN CERTIFICATE-----')",
              message: 'must hold at least one certificate in PEM form (-----BEGIN CERTIFICATE-----)',
            }),
          ),
      })
      .optional()
      .describe('How the endpoint proves who it is.'),
  })
  .meta(
    cel({
      rule: "!has(self.tls) || !has(self.url) || self.url.startsWith('https://')",
      message: 'tls needs an https URL',
      fieldPath: '.tls',
    }),
  );

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
  maxEjectionTime: duration.optional().describe('Longest ejection without a Retry-After. Unset: 2m.'),
});

const spec = z
  .strictObject({
    type: z
      .enum(PROVIDER_TYPES)
      .describe(
        'Which vendor, and so which wire format, authentication and quirks. OpenAI: api.openai.com. OpenAICompatible: any server that speaks the OpenAI API, such as vLLM or Ollama.',
      ),
    base: z
      .strictObject({
        name: objectName.describe('Name of the provider to inherit from.'),
        namespace: namespaceName.describe('Its namespace: a platform namespace.'),
      })
      .optional()
      .describe(
        "Inherit a platform provider's endpoint, models, prices and health checks; only credentials and allowedNamespaces may be set beside it.",
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
        'Models this provider serves; no others are asked for. Unset: any model of the catalogue; for OpenAICompatible, any name.',
      )
      .meta(mapList('name')),
    streamUsage: z
      .enum(['Always', 'OnRequest', 'Never'])
      .optional()
      .describe(
        'When streams carry usage. Always: unasked. OnRequest: the proxy asks for it and hides it from callers that did not. Never: tokens are estimated. Unset: by type; OpenAI and OpenAICompatible: OnRequest.',
      ),
    healthCheck: z
      .strictObject({ passive: passive.optional().describe('Ejection by observed failures.') })
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
    cel(
      {
        rule: "self.type != 'OpenAICompatible' || has(self.base) || (has(self.endpoint) && has(self.endpoint.url))",
        message: 'endpoint.url is required for type OpenAICompatible',
        fieldPath: '.endpoint',
      },
      {
        rule: '!has(self.base) || (!has(self.endpoint) && !has(self.models) && !has(self.streamUsage) && !has(self.healthCheck))',
        message: 'with base, only credentials and allowedNamespaces may be set: everything else is inherited',
        fieldPath: '.base',
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
  description:
    'LLMProvider says how to call a vendor of language models: where, with which credentials, and what its models can do and cost. Routes send requests to it by name.',
  spec,
  status,
  conditions: [
    { type: 'Ready', meaning: 'Summary: True when every other condition is as it should be.' },
    { type: 'Accepted', meaning: 'The spec is valid and every field of it is known to this operator.' },
    { type: 'ResolvedRefs', meaning: 'Secrets and the base it names exist and may be used.' },
    { type: 'Programmed', meaning: 'Every sidecar that needs the provider runs this generation.' },
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
