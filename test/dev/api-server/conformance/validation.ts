import { expect } from 'vitest';
import type { Answer, Json } from '../support/client.ts';
import { provider, route, rule, type Scenario } from '../support/scenario.ts';

/** Causes as `field: message`, sorted. */
const causes = ({ body }: Answer): string[] =>
  (body.details?.causes ?? []).map((cause: Json) => `${cause.field}: ${cause.message}`).sort();
const UNCHECKED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
const target = (name: string, more: Json = {}): Json => ({ name, provider: { name: 'p' }, ...more });

export const validation: Scenario[] = [
  {
    name: 'invalid objects name each field, the value and what would be right',
    async run({ client, routes }) {
      const answer = await client.post(
        routes,
        route('a', {
          models: [],
          rules: [
            { name: 'Upper', strategy: { type: 'Foo' } },
            rule('b', { targets: [target('t', { weight: -1, priority: 5000 })] }),
            rule('c', { targets: [target('t', { priority: '1' })] }),
          ],
        }),
      );
      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({
        reason: 'Invalid',
        details: { name: 'a', group: 'conformance.outrider.dev', kind: 'Route' },
      });
      expect(answer.body.message).toMatch(/^Route\.conformance\.outrider\.dev "a" is invalid: \[/);
      const found = causes(answer);
      expect(found).toContain(UNCHECKED);
      expect(found).toContain(
        'spec.models: Invalid value: 0: spec.models in body should have at least 1 items',
      );
      expect(found).toContain(
        'spec.rules[0].strategy.type: Unsupported value: "Foo": supported values: "Weighted", "RoundRobin"',
      );
      expect(found).toContain('spec.rules[0].targets: Required value');
      expect(found).toContain(
        'spec.rules[1].targets[0].weight: Invalid value: -1: spec.rules[1].targets[0].weight in body should be greater than or equal to 0',
      );
      expect(found).toContain(
        'spec.rules[2].targets[0].priority: Invalid value: "string": spec.rules[2].targets[0].priority in body must be of type integer: "string"',
      );
      expect(
        found.some((text) =>
          text.startsWith(
            'spec.rules[0].name: Invalid value: "Upper": spec.rules[0].name in body should match',
          ),
        ),
      ).toBe(true);
    },
  },
  {
    name: 'one invalid field is told without brackets',
    async run({ client, routes }) {
      const answer = await client.post(routes, route('a', { rules: [rule('Upper')] }));
      expect(answer.body.message).toMatch(
        /^Route\.conformance\.outrider\.dev "a" is invalid: spec\.rules\[0\]\.name: Invalid value: "Upper"/,
      );
    },
  },
  {
    name: 'wrong types',
    async run({ client, routes }) {
      const answer = await client.post(
        routes,
        route('a', {
          models: 'a',
          rules: [
            { name: 1, targets: {} },
            { name: true, targets: null },
            5,
            null,
            { name: {}, targets: [target('t', { provider: 'x' })] },
          ],
        }),
      );
      expect(causes(answer)).toEqual([
        UNCHECKED,
        'spec.models: Invalid value: "string": spec.models in body must be of type array: "string"',
        'spec.rules[0].name: Invalid value: "integer": spec.rules[0].name in body must be of type string: "integer"',
        'spec.rules[0].targets: Invalid value: "object": spec.rules[0].targets in body must be of type array: "object"',
        'spec.rules[1].name: Invalid value: "boolean": spec.rules[1].name in body must be of type string: "boolean"',
        'spec.rules[1].targets: Required value',
        'spec.rules[2]: Invalid value: "integer": spec.rules[2] in body must be of type object: "integer"',
        'spec.rules[3]: Invalid value: "null": spec.rules[3] in body must be of type object: "null"',
        'spec.rules[4].name: Invalid value: "object": spec.rules[4].name in body must be of type string: "object"',
        'spec.rules[4].targets[0].provider: Invalid value: "string": spec.rules[4].targets[0].provider in body must be of type object: "string"',
      ]);
    },
  },
  {
    name: 'bounds of strings, lists and maps',
    async run({ client, routes }) {
      const labels = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`k${index}`, 'v']));
      const answer = await client.post(
        routes,
        route('a', {
          selector: { matchLabels: { ...labels, k0: 'v'.repeat(64) } },
          models: ['m'.repeat(257)],
          rules: [{ name: '', targets: [] }, ...Array.from({ length: 8 }, (_, index) => rule(`r${index}`))],
        }),
      );
      const found = causes(answer);
      expect(found).toContain('spec.models[0]: Too long: may not be more than 256 bytes');
      expect(found).toContain('spec.rules: Too many: 9: must have at most 8 items');
      expect(found).toContain(
        'spec.rules[0].name: Invalid value: "": spec.rules[0].name in body should be at least 1 chars long',
      );
      expect(found).toContain('spec.selector.matchLabels: Too many: 5: must have at most 4 items');
      expect(found).toContain('spec.selector.matchLabels.k0: Too long: may not be more than 63 bytes');
    },
  },
  {
    name: 'a spec is needed',
    async run({ client, routes }) {
      for (const spec of [undefined, null]) {
        expect(causes(await client.post(routes, { ...route('a'), spec }))).toEqual([
          UNCHECKED,
          'spec: Required value',
        ]);
      }
      expect(causes(await client.post(routes, { ...route('a'), spec: [] }))).toEqual([
        UNCHECKED,
        'spec: Invalid value: "array": spec in body must be of type object: "array"',
      ]);
    },
  },
  {
    name: 'rules of the API speak in their own words',
    async run({ client, routes, providers }) {
      const stateful = await client.post(routes, route('a', { rules: [rule('x', { stateful: 'nobody' })] }));
      expect(causes(stateful)).toEqual([
        'spec.rules[0]: Invalid value: stateful must name a target of this rule',
      ]);
      const range = await client.post(
        routes,
        route('a', {
          rules: [rule('x', { tokens: { min: 5, max: 1 } })],
        }),
      );
      expect(causes(range)).toEqual([
        'spec.rules[0].tokens.min: Invalid value: min must not be greater than max',
      ]);
      const shared = await client.post(
        routes,
        route('a', {
          rules: [rule('x', { tokens: { min: 5, max: 1 }, targets: [target('t'), target('t')] })],
        }),
      );
      expect(causes(shared)).toEqual([
        'spec.rules[0].targets: Duplicate value',
        'spec.rules[0].tokens.min: Invalid value: min must not be greater than max',
      ]);
      const base = await client.post(providers, provider('p', { type: 'Compatible' }));
      expect(causes(base)).toEqual(['spec: Invalid value: url is required for type Compatible']);
      const union = await client.post(
        providers,
        provider('p', { credentials: [{ name: 'k', type: 'Key' }] }),
      );
      expect(causes(union)).toEqual([
        'spec.credentials[0]: Invalid value: secret is for type Key, and only for it',
      ]);
    },
  },
  {
    name: 'keyed lists and sets refuse duplicates',
    async run({ client, routes, providers }) {
      const sets = await client.post(
        routes,
        route('a', { rules: [rule('x', { on: ['Connect', 'Connect'] })] }),
      );
      expect(causes(sets)).toEqual(['spec.rules[0].on[1]: Duplicate value: "Connect"']);
      const key = { name: 'k', type: 'None' };
      const maps = await client.post(providers, provider('p', { credentials: [key, key] }));
      expect(causes(maps)).toEqual(['spec.credentials[1]: Duplicate value: {"name":"k"}']);
    },
  },
  {
    name: 'names and labels',
    async run({ client, routes }) {
      const answer = await client.post(
        routes,
        route(
          'Bad_name',
          {},
          {
            name: 'Bad_name',
            labels: { 'a b': 'x', ok: 'not ok', '/n': '', n: 'v'.repeat(64) },
            annotations: { 'c d': '' },
          },
        ),
      );
      expect(answer.status).toBe(422);
      const fields = (answer.body.details.causes as Json[]).map((cause) => cause.field);
      expect(new Set(fields)).toEqual(new Set(['metadata.name', 'metadata.labels', 'metadata.annotations']));
      const nameless = await client.post(routes, route('x', {}, { name: undefined }));
      expect(causes(nameless)).toContain('metadata.name: Required value: name or generateName is required');
    },
  },
  {
    name: 'metadata of a wrong type is refused',
    untranscribed: 'the real server fails to decode it and names no field',
    async run({ client, routes }) {
      for (const metadata of [
        { labels: { a: 1 } },
        { labels: 'x' },
        { finalizers: {} },
        { annotations: { a: null, b: {} } },
      ]) {
        const { status, body } = await client.post(routes, route('x', {}, metadata));
        expect([400, 422]).toContain(status);
        expect(body.kind).toBe('Status');
      }
    },
  },
  {
    name: 'any JSON value stays as it is where the schema is open',
    async run({ client, routes }) {
      const set = [
        { name: 'a', value: { deep: [1, 'two', { three: null }] } },
        { name: 'b', value: 0.5 },
        { name: 'c', value: [] },
      ];
      const made = route('a', { rules: [rule('x', { targets: [target('t', { set })] })] });
      const { status, body } = await client.post(routes, made);
      expect(status).toBe(201);
      expect(body.spec.rules[0].targets[0].set).toEqual(set);
    },
  },
];
