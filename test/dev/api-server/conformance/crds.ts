/**
 * Two kinds made for the suite, with every trait the server must handle: atomic, keyed and set lists, maps, bounds, rules,
 * open fields, printer columns, status. They never change with the product's API, so transcripts stay true.
 */
import type { CelRule } from '../../../../crds/common.ts';
import type { CustomResourceDefinition } from '../../../../crds/definitions.ts';
import type { Column, Schema } from '../../../../dev/api-server/kinds/kind.ts';

/** Rules of the suite name a reason too; those of the product do not. */
type Rule = CelRule & { reason?: string };

const GROUP = 'conformance.outrider.dev';

const name: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 63,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
};
const text: Schema = { type: 'string', maxLength: 256 };
const whole = (minimum: number, maximum: number): Schema => ({
  type: 'integer',
  format: 'int32',
  minimum,
  maximum,
});
const object = (properties: Record<string, Schema>, required: string[] = [], rules: Rule[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
  ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
});
const atomic = (items: Schema, minItems: number, maxItems: number): Schema => ({
  type: 'array',
  items,
  minItems,
  maxItems,
  'x-kubernetes-list-type': 'atomic',
});
const keyed = (items: Schema, key: string, maxItems = 16): Schema => ({
  type: 'array',
  items,
  maxItems,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': [key],
});
const set = (items: Schema): Schema => ({
  type: 'array',
  items,
  maxItems: 16,
  'x-kubernetes-list-type': 'set',
});

const condition = object(
  {
    type: text,
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    lastTransitionTime: { type: 'string', format: 'date-time' },
    reason: { ...text, minLength: 1 },
    message: text,
  },
  ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
);

const target = object(
  {
    name,
    provider: object({ name, namespace: name }, ['name']),
    weight: whole(0, 1_000_000),
    priority: whole(0, 1000),
    set: keyed(
      object({ name, value: { 'x-kubernetes-preserve-unknown-fields': true } }, ['name', 'value']),
      'name',
    ),
  },
  ['name', 'provider'],
);

const rule = object(
  {
    name: { ...name, description: 'Name of the rule within its route.' },
    strategy: object({ type: { type: 'string', enum: ['Weighted', 'RoundRobin'] } }, ['type']),
    tokens: object(
      { min: whole(0, 1000), max: whole(0, 1000) },
      [],
      [
        {
          rule: '!has(self.min) || !has(self.max) || self.min <= self.max',
          message: 'min must not be greater than max',
          fieldPath: '.min',
        },
      ],
    ),
    on: set({ type: 'string', enum: ['Connect', 'Timeout'] }),
    targets: {
      ...atomic(target, 1, 8),
      description: 'Where requests go.',
      'x-kubernetes-validations': [
        {
          rule: 'self.all(t, self.exists_one(u, u.name == t.name))',
          message: 'target names must be unique',
          reason: 'FieldValueDuplicate',
        } as Rule,
      ],
    },
    stateful: name,
  },
  ['name', 'targets'],
  [
    {
      rule: '!has(self.stateful) || self.targets.exists(t, t.name == self.stateful)',
      message: 'stateful must name a target of this rule',
    },
  ],
);

const crd = (
  names: { kind: string; plural: string; singular: string; shortNames: string[] },
  spec: Schema,
  status: Schema,
  additionalPrinterColumns: Column[],
): CustomResourceDefinition =>
  ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { ...names, categories: ['conformance'], listKind: `${names.kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              description: `${names.kind} is made for tests.`,
              ...object(
                {
                  apiVersion: { type: 'string' },
                  kind: { type: 'string' },
                  metadata: { type: 'object' },
                  spec,
                  status,
                },
                ['spec'],
              ),
            },
          },
          subresources: { status: {} },
          additionalPrinterColumns,
        },
      ],
    },
  }) as CustomResourceDefinition;

const READY = '.status.conditions[?(@.type=="Ready")]';

export const CRDS = [
  crd(
    { kind: 'Route', plural: 'routes', singular: 'route', shortNames: ['rt'] },
    object(
      {
        models: atomic(text, 1, 8),
        selector: object({
          matchLabels: {
            type: 'object',
            maxProperties: 4,
            additionalProperties: { type: 'string', maxLength: 63 },
          },
        }),
        rules: { ...atomic(rule, 1, 8), description: 'The first rule that matches decides.' },
      },
      ['models', 'rules'],
    ),
    object({
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
      conditions: keyed(condition, 'type', 8),
      proxies: object({ expected: whole(0, 1000), programmed: whole(0, 1000) }, ['expected', 'programmed']),
    }),
    [
      { name: 'Models', type: 'string', jsonPath: '.spec.models', description: 'Names an app may ask for' },
      { name: 'Ready', type: 'string', jsonPath: `${READY}.status` },
      { name: 'Reason', type: 'string', jsonPath: `${READY}.reason` },
      { name: 'Programmed', type: 'integer', jsonPath: '.status.proxies.programmed' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      { name: 'Proxies', type: 'integer', jsonPath: '.status.proxies.expected', priority: 1 },
    ],
  ),
  crd(
    { kind: 'Provider', plural: 'providers', singular: 'provider', shortNames: ['pv'] },
    object(
      {
        type: { type: 'string', enum: ['Vendor', 'Compatible'] },
        url: text,
        usage: { type: 'string', enum: ['Always', 'Never'] },
        credentials: keyed(
          object(
            {
              name,
              type: { type: 'string', enum: ['Key', 'None'] },
              secret: object({ name, key: text }, ['name', 'key']),
              weight: whole(0, 100),
            },
            ['name', 'type'],
            [
              {
                rule: "self.type == 'Key' ? has(self.secret) : !has(self.secret)",
                message: 'secret is for type Key, and only for it',
              },
            ],
          ),
          'name',
        ),
        models: keyed(object({ name, capabilities: set(text) }, ['name']), 'name'),
      },
      ['type'],
      [
        {
          rule: "self.type != 'Compatible' || has(self.url)",
          message: 'url is required for type Compatible',
        },
      ],
    ),
    object({
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
      conditions: keyed(condition, 'type', 8),
    }),
    [],
  ),
];
