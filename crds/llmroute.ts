/** LLMRoute: what an app's requests become. Vocabulary of Gateway API's HTTPRoute where one exists. */
import { z } from 'zod';
import {
  atomicList,
  cel,
  compilable,
  conditions,
  dnsLabel,
  duration,
  durationOrZero,
  forwardableHeaders,
  header,
  headerName,
  headerValue,
  type KindDefinition,
  type KubeObject,
  labelSelector,
  mapList,
  matching,
  modelName,
  namespaceName,
  objectName,
  PATTERN_MESSAGE,
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
const pattern = z
  .string()
  .min(1)
  .max(1024)
  .meta(cel(compilable('self')));

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
        fieldPath: '.min',
      },
    ),
  );

/** Absolute, without empty or dot segments, which the listener refuses anyway. */
const requestPath = matching(
  /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/,
  'an absolute path such as /v1/chat/completions, without query, empty or dot segments',
  2,
  256,
);

const passthroughPrefix = matching(
  /^\/v1(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+\/?$/,
  'a path below /v1/ such as /v1/files, without query, empty or dot segments',
  5,
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

const match = z.strictObject({
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
      tokens: range
        .optional()
        .describe(
          'Estimated input tokens, by fixed published ratios: the same in every sidecar and in `outrider explain`.',
        ),
      turns: range.optional().describe('Number of user messages.'),
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
    })
    .meta(
      cel({
        rule: 'has(self.tokens) || has(self.turns) || has(self.contains) || has(self.pattern)',
        message: 'at least one of tokens, turns, contains and pattern is required',
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
    })
    .meta(
      cel({
        rule: 'has(self.tools) || has(self.vision) || has(self.jsonSchema) || has(self.stream)',
        message: 'at least one of tools, vision, jsonSchema and stream is required',
      }),
    )
    .optional()
    .describe('Features the request must use (true) or must not use (false).'),
});

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

const patch = z
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

const target = z.strictObject({
  name: dnsLabel.describe('Name of the target within its rule; shown in headers, metrics and traces.'),
  provider: z
    .strictObject({
      name: objectName.describe('Name of an LLMProvider.'),
      namespace: namespaceName
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
  request: patch
    .optional()
    .describe(
      'Changes to the request body and headers for this target; everything else passes byte for byte.',
    ),
});

const rule = z
  .strictObject({
    name: dnsLabel.describe('Name of the rule within its route.'),
    matches: z
      .array(match)
      .max(16)
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
      .max(16)
      .describe('Where requests go: shared out among the targets of the lowest priority, then failing over.')
      .meta({
        ...atomicList,
        ...cel(
          {
            rule: 'self.all(t, self.exists_one(u, u.name == t.name))',
            message: 'target names must be unique within a rule',
            reason: 'FieldValueDuplicate',
          },
          {
            rule: 'self.exists(t, !has(t.weight) || t.weight > 0)',
            message: 'at least one target must have a weight above 0',
          },
        ),
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
            base: durationOrZero
              .optional()
              .describe(
                'Wait before a second attempt at the same provider; doubles, with jitter. Unset: 100ms.',
              ),
            max: durationOrZero.optional().describe('Longest wait. Unset: 2s.'),
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
        holdMax: durationOrZero
          .optional()
          .describe(
            'Longest a live stream is held back waiting for its first content, in which time it can still fail over. Unset: 5s.',
          ),
      })
      .optional()
      .describe('When a response is handed to the caller.'),
    passthrough: z
      .array(
        z
          .strictObject({
            methods: z
              .array(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']))
              .min(1)
              .max(5)
              .describe('HTTP methods.')
              .meta(setList),
            pathPrefix: passthroughPrefix.describe(
              'Path prefix, on path segments: `/v1/files` lets through `/v1/files/abc` but not `/v1/filesystem`.',
            ),
          })
          .meta(
            cel({
              rule: "!self.pathPrefix.startsWith('/v1/organization') && !self.pathPrefix.startsWith('/v1/admin')",
              message: 'organization and admin paths are never passed through',
              fieldPath: '.pathPrefix',
            }),
          ),
      )
      .max(32)
      .optional()
      .describe(
        'Paths beyond the modelled ones that this rule lets through unread, to statefulTarget; with tokens and cost unknown. Unset: none.',
      )
      .meta(atomicList),
    statefulTarget: dnsLabel
      .optional()
      .describe(
        'Target that serves passthrough and stateful requests: by configuration, never by health, since only it has the state. Unset: the first target.',
      ),
    forwardHeaders: z
      .array(headerName)
      .max(32)
      .optional()
      .describe(
        'Caller headers sent upstream besides those the provider type allows. Credentials are never forwarded.',
      )
      .meta({ ...setList, ...cel(forwardableHeaders) }),
  })
  .meta(
    cel({
      rule: '!has(self.statefulTarget) || self.targets.exists(t, t.name == self.statefulTarget)',
      message: 'statefulTarget must name a target of this rule',
      fieldPath: '.statefulTarget',
    }),
  );

const modelPattern = matching(
  /^([A-Za-z0-9][A-Za-z0-9._:/@+-]*\*?|\*)$/,
  'the name of a model, a prefix such as gpt-*, or *',
  1,
  256,
);

const spec = z.strictObject({
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
  description:
    "LLMRoute says what an application's requests for a model become: which rule they fall under, which targets serve them, and what happens when a target fails.",
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
