/** LLMRoute: what an app's requests become. Vocabulary of Gateway API's HTTPRoute where one exists. */
import { z } from 'zod';
import {
  atomicList,
  cel,
  conditions,
  dnsLabel,
  duration,
  header,
  headerName,
  headerValue,
  type KindDefinition,
  type KubeObject,
  labelSelector,
  mapList,
  modelName,
  objectName,
  setList,
} from './common.ts';

export const FAILURE_CLASSES = [
  'Connect',
  'Timeout',
  'RateLimited',
  'ServerError',
  'StreamError',
  'Unauthorized',
  'QuotaExhausted',
  'ModelNotFound',
  'ContextWindow',
  'ContentFilter',
] as const;

/** An RE2 pattern; compiled by a linear-time engine, so back-references and look-around are rejected. */
const pattern = z.string().min(1).max(1024);

const range = z
  .strictObject({
    min: z.int().min(0).max(100_000_000).optional().describe('At least this many.'),
    max: z.int().min(0).max(100_000_000).optional().describe('At most this many.'),
  })
  .meta(
    cel(
      { rule: 'has(self.min) || has(self.max)', message: 'min or max is required' },
      {
        rule: '!has(self.min) || !has(self.max) || self.min <= self.max',
        message: 'min must not be greater than max',
      },
    ),
  );

const match = z.strictObject({
  headers: z
    .array(
      z.strictObject({
        name: headerName.describe('Name of a request header; case-insensitive.'),
        type: z
          .enum(['Exact', 'Prefix', 'RegularExpression'])
          .optional()
          .describe('How value is compared. Unset: Exact.'),
        value: headerValue
          .min(1)
          .describe('The value, prefix, or RE2 pattern that must match the whole value.'),
      }),
    )
    .min(1)
    .max(16)
    .optional()
    .describe('Headers that must all match.')
    .meta(mapList('name')),
  paths: z
    .array(
      z
        .string()
        .min(1)
        .max(256)
        .regex(/^\/[A-Za-z0-9._~/-]*$/),
    )
    .min(1)
    .max(16)
    .optional()
    .describe('Request paths, exactly; one of them must match.')
    .meta(setList),
  models: z
    .array(modelName)
    .min(1)
    .max(64)
    .optional()
    .describe('Asked models, exactly; one of them must match.')
    .meta(setList),
  prompt: z
    .strictObject({
      tokens: range.optional().describe('Estimated input tokens, by the fixed published ratios.'),
      turns: range.optional().describe('Number of user messages.'),
      contains: z
        .array(z.string().min(1).max(256))
        .min(1)
        .max(64)
        .optional()
        .describe('Keywords; one of them occurs in the text of a user message, ignoring case.')
        .meta(setList),
      pattern: pattern.optional().describe('RE2 pattern found in the text of a user message.'),
    })
    .optional()
    .describe('What must hold for the prompt.'),
  request: z
    .strictObject({
      tools: z.boolean().optional().describe('Whether the request offers tools.'),
      vision: z.boolean().optional().describe('Whether a message carries an image.'),
      jsonSchema: z.boolean().optional().describe('Whether output must follow a JSON schema.'),
      stream: z.boolean().optional().describe('Whether the response is streamed.'),
    })
    .optional()
    .describe('Features the request must use (true) or must not use (false).'),
});

const memberName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
const member = z
  .strictObject({
    name: memberName.describe('Name of a top-level member of the request body.'),
    value: z.unknown().meta({ 'x-kubernetes-preserve-unknown-fields': true }).describe('Any JSON value.'),
  })
  .meta(
    cel({
      rule: "!(self.name in ['model', 'messages', 'input', 'prompt', 'stream', 'stream_options'])",
      message: 'model, messages, input, prompt, stream and stream_options cannot be patched',
    }),
  );

const patch = z.strictObject({
  set: z
    .array(member)
    .max(32)
    .optional()
    .describe('Members set to a value, whatever the caller sent.')
    .meta(mapList('name')),
  default: z
    .array(member)
    .max(32)
    .optional()
    .describe('Members set where the caller sent none.')
    .meta(mapList('name')),
  remove: z.array(memberName).max(32).optional().describe('Members removed.').meta(setList),
  headers: z
    .array(header)
    .max(32)
    .optional()
    .describe('Headers added to the upstream request.')
    .meta(mapList('name')),
});

const target = z.strictObject({
  name: dnsLabel.describe('Name of the target within its rule; shown in headers, metrics and traces.'),
  provider: z
    .strictObject({
      name: objectName.describe('Name of an LLMProvider.'),
      namespace: objectName
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
    .describe('Tier: 0 is tried first, higher ones only when lower fail. Unset: 0.'),
  request: patch.optional().describe('Changes to the request body and headers for this target.'),
});

const rule = z
  .strictObject({
    name: dnsLabel.describe('Name of the rule within its route.'),
    matches: z
      .array(match)
      .max(32)
      .optional()
      .describe('When the rule applies: entries are ORed, fields inside one are ANDed. Unset: always.')
      .meta(atomicList),
    strategy: z
      .strictObject({
        type: z
          .enum(['Weighted', 'RoundRobin'])
          .describe('Weighted: by chance in proportion to weight. RoundRobin: in turn.'),
      })
      .optional()
      .describe('How targets of one priority share requests. Unset: Weighted.'),
    targets: z
      .array(target)
      .min(1)
      .max(32)
      .describe('Where requests go.')
      .meta({
        ...atomicList,
        ...cel({
          rule: 'self.all(t, self.exists_one(u, u.name == t.name))',
          message: 'target names must be unique within a rule',
          reason: 'FieldValueDuplicate',
        }),
      }),
    failover: z
      .strictObject({
        on: z
          .array(z.enum(FAILURE_CLASSES))
          .max(16)
          .optional()
          .describe(
            'Failures that move on to the next target. Unset: all but ContextWindow and ContentFilter. Empty: none.',
          )
          .meta(setList),
        maxAttempts: z
          .int()
          .min(1)
          .max(10)
          .optional()
          .describe('Attempts in all, the first included. Unset: one per target, three at most.'),
        backoff: z
          .strictObject({
            base: duration
              .optional()
              .describe(
                'Wait before a second attempt at the same provider; doubles, with jitter. Unset: 100ms.',
              ),
            max: duration.optional().describe('Longest wait. Unset: 2s.'),
          })
          .optional()
          .describe('Waits between attempts at the same provider. Another provider is tried at once.'),
      })
      .optional()
      .describe('What happens when a target fails before its first content.'),
    timeouts: z
      .strictObject({
        connect: duration.optional().describe('TCP and TLS. Unset: 3s.'),
        firstToken: duration
          .optional()
          .describe('Streams: from sending the request to the first content. Unset: 60s.'),
        interToken: duration.optional().describe('Streams: between content events. Unset: 60s.'),
        attempt: duration.optional().describe('One attempt, streams included. Unset: 10m.'),
        request: duration.optional().describe('Everything, backoff included. Unset: 15m.'),
        clientStall: duration.optional().describe('How long a caller may not read its response. Unset: 5m.'),
      })
      .optional()
      .describe('Limits on time.'),
    commit: z
      .strictObject({
        holdMax: duration
          .optional()
          .describe('Longest a live stream is held back waiting for content. Unset: 5s.'),
      })
      .optional()
      .describe('When a response is handed to the caller.'),
    passthrough: z
      .array(
        z.strictObject({
          methods: z
            .array(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']))
            .min(1)
            .max(5)
            .describe('HTTP methods.')
            .meta(setList),
          pathPrefix: z
            .string()
            .min(4)
            .max(256)
            .regex(/^\/v1\/[A-Za-z0-9._~/-]+$/)
            .describe('Path prefix, on path segments.'),
        }),
      )
      .max(32)
      .optional()
      .describe(
        'Provider paths beyond the modelled ones that this rule lets through unread, to statefulTarget.',
      )
      .meta(atomicList),
    statefulTarget: dnsLabel
      .optional()
      .describe('Target that serves passthrough and stateful requests. Unset: the first target.'),
    forwardHeaders: z
      .array(headerName)
      .max(32)
      .optional()
      .describe(
        'Caller headers sent upstream besides those the provider type allows. Credentials are never forwarded.',
      )
      .meta(setList),
  })
  .meta(
    cel({
      rule: '!has(self.statefulTarget) || self.targets.exists(t, t.name == self.statefulTarget)',
      message: 'statefulTarget must name a target of this rule',
    }),
  );

const spec = z.strictObject({
  workloadSelector: labelSelector
    .optional()
    .describe('Pods the route is for, by label. Unset or empty: every sidecar in the namespace.'),
  namespaceSelector: labelSelector
    .optional()
    .describe('Namespaces the route is for besides its own; counts only in platform namespaces.'),
  models: z
    .array(
      z
        .string()
        .min(1)
        .max(256)
        .regex(/^([A-Za-z0-9][A-Za-z0-9._:/@+-]*\*?|\*)$/),
    )
    .min(1)
    .max(64)
    .describe('Names an app may ask for: exact, `prefix*`, or `*`.')
    .meta(atomicList),
  rules: z
    .array(rule)
    .min(1)
    .max(64)
    .describe('The first rule that matches decides.')
    .meta({
      ...atomicList,
      ...cel({
        rule: 'self.all(r, self.exists_one(s, s.name == r.name))',
        message: 'rule names must be unique within a route',
        reason: 'FieldValueDuplicate',
      }),
    }),
});

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
  description: "LLMRoute says what an application's requests for a model become.",
  spec,
  status,
  printerColumns: [
    { name: 'Models', type: 'string', jsonPath: '.spec.models', description: 'Names an app may ask for' },
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
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age' },
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
