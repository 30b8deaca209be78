import { expect } from 'vitest';
import type { Json } from '../support/client.ts';
import { condition, provider, route, rule, type Scenario } from '../support/scenario.ts';

const apiKey = (name: string, weight?: number): Json => ({
  name,
  type: 'Key',
  secret: { name: 'keys', key: name },
  ...(weight !== undefined && { weight }),
});
const names = (items: { name: string }[] = []): string[] => items.map((item) => item.name);
const managers = (body: Json): string[] =>
  body.metadata.managedFields
    .map((one: Json) => `${one.manager} ${one.operation} ${one.subresource ?? ''}`.trim())
    .sort();
/** Only what an applier says; no defaults of the builders. */
const partial = (name: string, spec: Json, metadata: Json = {}): Json => ({
  apiVersion: 'conformance.outrider.dev/v1',
  kind: 'Provider',
  metadata: { name, ...metadata },
  ...(spec && { spec }),
});

export const apply: Scenario[] = [
  {
    name: 'apply creates and owns its fields',
    async run({ client, routes }) {
      const { status, body } = await client.apply(
        `${routes}/a?fieldManager=one`,
        route('a', {}, { labels: { x: '1' } }),
      );
      expect(status).toBe(201);
      expect(body.metadata.managedFields).toMatchObject([
        {
          manager: 'one',
          operation: 'Apply',
          apiVersion: 'conformance.outrider.dev/v1',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:labels': { 'f:x': {} } },
            'f:spec': { 'f:models': {}, 'f:rules': {} },
          },
        },
      ]);
      const again = await client.apply(
        `${routes}/a?fieldManager=one`,
        route('a', {}, { labels: { x: '1' } }),
      );
      expect(again.status).toBe(200);
      expect(again.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    },
  },
  {
    name: 'apply by two managers: a changed field of the other is a conflict',
    async run({ client, routes }) {
      await client.apply(`${routes}/a?fieldManager=one`, route('a'));
      const { status, body } = await client.apply(
        `${routes}/a?fieldManager=two`,
        route('a', { models: ['z'] }),
      );
      expect(status).toBe(409);
      expect(body).toMatchObject({
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "one": .spec.models',
        details: {
          causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.models' }],
        },
      });
    },
  },
  {
    name: 'apply names every conflict of every manager',
    async run({ client, routes }) {
      await client.apply(`${routes}/a?fieldManager=one`, route('a', {}, { labels: { x: '1' } }));
      await client.apply(`${routes}/a?fieldManager=two`, route('a', {}, { labels: { x: '1' } }));
      const { body } = await client.apply(
        `${routes}/a?fieldManager=three`,
        route('a', { models: ['b'] }, { labels: { x: '2' } }),
      );
      expect(body.message).toBe(
        'Apply failed with 4 conflicts: conflicts with "one":\n- .metadata.labels.x\n- .spec.models\nconflicts with "two":\n- .metadata.labels.x\n- .spec.models',
      );
      expect(body.details.causes).toHaveLength(4);
    },
  },
  {
    name: 'apply conflicts with an updater name its version',
    async run({ client, routes }) {
      await client.post(`${routes}?fieldManager=maker`, route('a'));
      const { body } = await client.apply(`${routes}/a?fieldManager=one`, route('a', { models: ['z'] }));
      expect(body.message).toBe(
        'Apply failed with 1 conflict: conflict with "maker" using conformance.outrider.dev/v1: .spec.models',
      );
    },
  },
  {
    name: 'apply with force takes the field',
    async run({ client, routes }) {
      await client.apply(`${routes}/a?fieldManager=one`, route('a'));
      const { status, body } = await client.apply(
        `${routes}/a?fieldManager=two&force=true`,
        route('a', { models: ['z'] }),
      );
      expect(status).toBe(200);
      expect(body.spec.models).toEqual(['z']);
      const one = body.metadata.managedFields.find((entry: Json) => entry.manager === 'one');
      expect(one.fieldsV1['f:spec']).toEqual({ 'f:rules': {} });
      const back = await client.apply(`${routes}/a?fieldManager=one`, route('a'));
      expect(back.status).toBe(409);
    },
  },
  {
    name: 'apply with the same value shares the field',
    async run({ client, routes }) {
      await client.apply(`${routes}/a?fieldManager=one`, route('a'));
      const { body } = await client.apply(`${routes}/a?fieldManager=two`, route('a'));
      expect(managers(body)).toEqual(['one Apply', 'two Apply']);
      const kept = await client.apply(`${routes}/a?fieldManager=two`, {
        ...route('a'),
        spec: { rules: [rule('main')] },
      });
      expect(kept.body.spec.models).toEqual(['a']);
    },
  },
  {
    name: 'apply removes what it no longer says',
    async run({ client, providers }) {
      const path = `${providers}/a?fieldManager=one`;
      await client.apply(
        path,
        provider('a', { usage: 'Never', url: 'https://x.test/v1' }, { labels: { x: '1' } }),
      );
      const { body } = await client.apply(path, provider('a'));
      expect(body.spec).toEqual({ type: 'Vendor' });
      expect(body.metadata.labels).toBeUndefined();
    },
  },
  {
    name: 'apply keeps what others set',
    async run({ client, providers }) {
      const path = `${providers}/a?fieldManager=one`;
      await client.apply(path, provider('a', { usage: 'Never' }, { labels: { x: '1' } }));
      await client.merge(`${providers}/a?fieldManager=editor`, {
        metadata: { labels: { y: '2' } },
        spec: { url: 'https://y.test/v1' },
      });
      const { body } = await client.apply(path, provider('a'));
      expect(body.spec).toEqual({ type: 'Vendor', url: 'https://y.test/v1' });
      expect(body.metadata.labels).toEqual({ y: '2' });
    },
  },
  {
    name: 'apply to a field that an update changed meanwhile',
    async run({ client, providers }) {
      const path = `${providers}/a?fieldManager=one`;
      await client.apply(path, provider('a', { usage: 'Never' }));
      await client.merge(`${providers}/a?fieldManager=editor`, { spec: { usage: 'Always' } });
      const same = await client.apply(path, provider('a', { usage: 'Never' }));
      expect(same.status).toBe(409);
      const dropped = await client.apply(path, provider('a'));
      expect(dropped.body.spec.usage).toBe('Always');
    },
  },
  {
    name: 'apply merges keyed lists by key',
    async run({ client, providers }) {
      await client.apply(
        `${providers}/a?fieldManager=one`,
        provider('a', { credentials: [apiKey('k1', 1), apiKey('k2')] }),
      );
      const two = await client.apply(
        `${providers}/a?fieldManager=two`,
        partial('a', { credentials: [apiKey('k3')] }),
      );
      expect(names(two.body.spec.credentials)).toEqual(['k1', 'k2', 'k3']);
      const conflict = await client.apply(
        `${providers}/a?fieldManager=two`,
        partial('a', { credentials: [apiKey('k1', 9)] }),
      );
      expect(conflict.body.message).toBe(
        'Apply failed with 1 conflict: conflict with "one": .spec.credentials[name="k1"].weight',
      );
      const less = await client.apply(
        `${providers}/a?fieldManager=one`,
        provider('a', { credentials: [apiKey('k2')] }),
      );
      expect(names(less.body.spec.credentials)).toEqual(['k2', 'k3']);
      const none = await client.apply(`${providers}/a?fieldManager=one`, provider('a'));
      expect(names(none.body.spec.credentials)).toEqual(['k3']);
    },
  },
  {
    name: 'apply keeps the order of keyed lists it asks for',
    async run({ client, providers }) {
      const list = (...all: string[]) => partial('a', { credentials: all.map((name) => apiKey(name)) });
      await client.apply(
        `${providers}/a?fieldManager=one`,
        provider('a', { credentials: ['a', 'b', 'c'].map((name) => apiKey(name)) }),
      );
      await client.apply(`${providers}/a?fieldManager=two`, list('x', 'b', 'y'));
      const { body } = await client.get(`${providers}/a`);
      expect(names(body.spec.credentials)).toEqual(['a', 'x', 'b', 'c', 'y']);
      const turned = await client.apply(`${providers}/a?fieldManager=two&force=true`, list('c', 'y', 'x'));
      expect(names(turned.body.spec.credentials).filter((name) => 'cyx'.includes(name))).toEqual([
        'c',
        'y',
        'x',
      ]);
    },
  },
  {
    name: 'apply leaves an item two managers share until both let go',
    async run({ client, providers }) {
      const withKey = (more: Json = {}) => partial('a', { credentials: [{ ...apiKey('k'), ...more }] });
      await client.apply(`${providers}/a?fieldManager=one`, provider('a', { credentials: [apiKey('k')] }));
      await client.apply(`${providers}/a?fieldManager=two`, withKey({ weight: 5 }));
      const left = await client.apply(`${providers}/a?fieldManager=one`, provider('a'));
      expect(left.body.spec.credentials).toEqual([{ ...apiKey('k', 5) }]);
      const gone = await client.apply(`${providers}/a?fieldManager=two`, partial('a', undefined));
      expect(gone.body.spec.credentials ?? []).toEqual([]);
    },
  },
  {
    name: 'apply merges sets by value',
    async run({ client, providers }) {
      const model = (...capabilities: string[]) => ({ models: [{ name: 'm', capabilities }] });
      await client.apply(`${providers}/a?fieldManager=one`, provider('a', model('Chat', 'Tools')));
      const { body } = await client.apply(
        `${providers}/a?fieldManager=two`,
        partial('a', model('Tools', 'Vision')),
      );
      expect(body.spec.models[0].capabilities).toEqual(['Chat', 'Tools', 'Vision']);
      const less = await client.apply(`${providers}/a?fieldManager=one`, provider('a', model('Chat')));
      expect(less.body.spec.models[0].capabilities).toEqual(['Chat', 'Tools', 'Vision']);
      const least = await client.apply(`${providers}/a?fieldManager=two`, partial('a', model('Vision')));
      expect(least.body.spec.models[0].capabilities).toEqual(['Chat', 'Vision']);
    },
  },
  {
    name: 'apply replaces atomic lists whole',
    async run({ client, routes }) {
      await client.apply(`${routes}/a?fieldManager=one`, route('a', { rules: [rule('x'), rule('y')] }));
      const conflict = await client.apply(`${routes}/a?fieldManager=two`, route('a', { rules: [rule('z')] }));
      expect(conflict.body.details.causes[0].field).toBe('.spec.rules');
      const { body } = await client.apply(`${routes}/a?fieldManager=one`, route('a', { rules: [rule('z')] }));
      expect(names(body.spec.rules)).toEqual(['z']);
    },
  },
  {
    name: 'apply cannot set status, and apply of status cannot set spec',
    async run({ client, providers }) {
      const path = `${providers}/a`;
      const made = await client.apply(`${path}?fieldManager=one`, {
        ...provider('a'),
        status: { observedGeneration: 9 },
      });
      expect(made.body.status).toBeUndefined();
      const status = {
        ...provider('a', { usage: 'Never' }, { labels: { x: 'y' } }),
        status: { conditions: [condition('Ready')] },
      };
      const { body } = await client.apply(`${path}/status?fieldManager=operator`, status);
      expect(body.spec).toEqual({ type: 'Vendor' });
      expect(body.metadata.labels).toBeUndefined();
      expect(body.status.conditions).toHaveLength(1);
      expect(body.metadata.generation).toBe(1);
      expect(managers(body)).toEqual(['one Apply', 'operator Apply status']);
    },
  },
  {
    name: 'apply of status merges conditions by type',
    async run({ client, providers }) {
      const path = `${providers}/a/status`;
      await client.post(providers, provider('a'));
      const status = (...conditions: Json[]) => ({ ...provider('a'), status: { conditions } });
      await client.apply(`${path}?fieldManager=one`, status(condition('Ready'), condition('Accepted')));
      const two = await client.apply(`${path}?fieldManager=two`, status(condition('Healthy')));
      expect(two.body.status.conditions.map((one: Json) => one.type)).toEqual([
        'Ready',
        'Accepted',
        'Healthy',
      ]);
      const conflict = await client.apply(`${path}?fieldManager=two`, status(condition('Ready', 'False')));
      expect(conflict.body.message).toBe(
        'Apply failed with 1 conflict: conflict with "one" with subresource "status": .status.conditions[type="Ready"].status',
      );
      const dropped = await client.apply(`${path}?fieldManager=one`, status(condition('Ready')));
      expect(dropped.body.status.conditions.map((one: Json) => one.type)).toEqual(['Ready', 'Healthy']);
    },
  },
  {
    name: 'apply refuses what is not of the URL or not declared',
    async run({ client, routes }) {
      const path = `${routes}/a?fieldManager=one`;
      expect((await client.apply(path, route('b'))).status).toBe(400);
      expect((await client.apply(path, route('a', {}, { namespace: 'other' }))).status).toBe(400);
      expect((await client.apply(path, { ...route('a'), kind: 'Provider' })).status).toBe(400);
      expect((await client.apply(path, route('a', {}, { managedFields: [{}] }))).status).toBe(400);
      const odd = await client.apply(path, route('a', { zed: 1 }));
      expect(odd.body.message).toContain('.spec.zed: field not declared in schema');
      expect((await client.get(`${routes}/a`)).status).toBe(404);
      expect((await client.apply(`${routes}/a/status?fieldManager=one`, route('a'))).status).toBe(404);
    },
  },
  {
    name: 'apply of an invalid object is refused',
    async run({ client, routes }) {
      const { status, body } = await client.apply(`${routes}/a?fieldManager=one`, route('a', { models: [] }));
      expect(status).toBe(422);
      expect(body.details.causes[0].field).toBe('spec.models');
    },
  },
  {
    name: 'apply holds to a version it names',
    async run({ client, routes }) {
      const { body } = await client.post(routes, route('a'));
      const { resourceVersion } = body.metadata;
      await client.merge(`${routes}/a`, { metadata: { labels: { x: 'y' } } });
      const stale = await client.apply(
        `${routes}/a?fieldManager=one&force=true`,
        route('a', { models: ['q'] }, { resourceVersion }),
      );
      expect(stale.status).toBe(409);
    },
  },
  {
    name: 'apply as a dry run changes nothing',
    async run({ client, routes }) {
      const dry = await client.apply(`${routes}/a?fieldManager=one&dryRun=All`, route('a'));
      expect(dry.status).toBe(201);
      expect((await client.get(`${routes}/a`)).status).toBe(404);
    },
  },
  {
    name: 'updates take ownership and lose it when fields go',
    async run({ client, providers }) {
      const { body: made } = await client.post(
        `${providers}?fieldManager=maker`,
        provider('a', { usage: 'Never' }, { labels: { a: '1', b: '2' } }),
      );
      const fields = made.metadata.managedFields[0].fieldsV1;
      expect(fields['f:metadata']['f:labels']).toEqual({ '.': {}, 'f:a': {}, 'f:b': {} });
      const { body } = await client.merge(`${providers}/a?fieldManager=editor`, {
        metadata: { labels: { a: '9', b: null } },
        spec: { usage: null, credentials: [apiKey('k')] },
      });
      const of = (manager: string) =>
        body.metadata.managedFields.find((one: Json) => one.manager === manager).fieldsV1;
      expect(of('maker')['f:metadata']['f:labels']).toEqual({});
      expect(of('editor')['f:metadata']['f:labels']).toEqual({ 'f:a': {} });
      expect(Object.keys(of('editor')['f:spec']['f:credentials'])).toEqual(['.', 'k:{"name":"k"}']);
    },
  },
  {
    name: 'managed fields can be cleared, and the next apply starts afresh',
    async run({ client, routes }) {
      await client.post(`${routes}?fieldManager=maker`, route('a'));
      const cleared = await client.merge(`${routes}/a`, { metadata: { managedFields: [{}] } });
      expect(cleared.body.metadata.managedFields).toBeUndefined();
      const { body } = await client.apply(`${routes}/a?fieldManager=one`, route('a'));
      expect(managers(body)).toEqual(['before-first-apply Update', 'one Apply']);
    },
  },
  {
    name: 'kubectl may take over what its own client-side apply set',
    async run({ client, routes }) {
      const config = route('a', {}, { annotations: {} });
      const annotation = {
        'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(config)}\n`,
      };
      await client.post(
        `${routes}?fieldManager=kubectl-client-side-apply`,
        route('a', {}, { annotations: annotation }),
      );
      const stranger = await client.apply(`${routes}/a?fieldManager=other`, route('a', { models: ['z'] }));
      expect(stranger.status).toBe(409);
      const { status, body } = await client.apply(
        `${routes}/a?fieldManager=kubectl`,
        route('a', { models: ['z'] }),
      );
      expect(status).toBe(200);
      const kept = JSON.parse(body.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']);
      expect(kept.spec.models).toEqual(['z']);
    },
  },
];
