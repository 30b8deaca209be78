import { expect } from 'vitest';
import { provider, route, rule, type Scenario } from '../support/scenario.ts';

export const crud: Scenario[] = [
  {
    name: 'create answers 201 with identity and generation 1',
    async run({ client, routes, namespace }) {
      const { status, body } = await client.post(routes, route('a', {}, { labels: { team: 'shop' } }));
      expect(status).toBe(201);
      expect(body.metadata).toMatchObject({ name: 'a', namespace, generation: 1, labels: { team: 'shop' } });
      expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(body.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect((await client.get(`${routes}/a`)).body).toEqual(body);
    },
  },
  {
    name: 'create completes generateName',
    async run({ client, routes }) {
      const { body } = await client.post(routes, route('x', {}, { name: undefined, generateName: 'gen-' }));
      expect(body.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
    },
  },
  {
    name: 'create of what exists is AlreadyExists',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const { status, body } = await client.post(routes, route('a'));
      expect(status).toBe(409);
      expect(body).toMatchObject({
        reason: 'AlreadyExists',
        message: 'routes.conformance.outrider.dev "a" already exists',
        details: { name: 'a', group: 'conformance.outrider.dev', kind: 'routes' },
      });
    },
  },
  {
    name: 'create refuses what does not belong to the URL',
    async run({ client, routes }) {
      expect((await client.post(routes, route('a', {}, { namespace: 'other' }))).status).toBe(400);
      expect((await client.post(routes, { ...route('a'), apiVersion: 'v1' })).status).toBe(400);
      expect((await client.post(routes, { ...route('a'), kind: 'Provider' })).status).toBe(422);
      expect((await client.post(routes, route('a', {}, { resourceVersion: '7' }))).status).toBe(500);
      const absent = await client.post(
        '/apis/conformance.outrider.dev/v1/namespaces/absent/routes',
        route('a'),
      );
      expect(absent.body).toMatchObject({ code: 404, message: 'namespaces "absent" not found' });
    },
  },
  {
    name: 'replace with the present version changes the object and counts the generation',
    async run({ client, routes }) {
      const { body } = await client.post(routes, route('a'));
      body.spec.models = ['b'];
      const changed = await client.put(`${routes}/a`, body);
      expect(changed.body).toMatchObject({ metadata: { generation: 2 }, spec: { models: ['b'] } });
      expect(changed.body.metadata.resourceVersion).not.toBe(body.metadata.resourceVersion);
      changed.body.metadata.labels = { x: 'y' };
      const labelled = await client.put(`${routes}/a`, changed.body);
      expect(labelled.body.metadata).toMatchObject({ generation: 2, labels: { x: 'y' } });
    },
  },
  {
    name: 'replace that changes nothing keeps the version',
    async run({ client, routes }) {
      const { body } = await client.post(routes, route('a'));
      expect((await client.put(`${routes}/a`, body)).body).toEqual(body);
    },
  },
  {
    name: 'replace with an old version is a conflict',
    async run({ client, routes }) {
      const { body: old } = await client.post(routes, route('a'));
      await client.merge(`${routes}/a`, { metadata: { labels: { x: 'y' } } });
      const { status, body } = await client.put(`${routes}/a`, {
        ...old,
        spec: { ...old.spec, models: ['z'] },
      });
      expect(status).toBe(409);
      expect(body.message).toBe(
        'Operation cannot be fulfilled on routes.conformance.outrider.dev "a": the object has been modified; please apply your changes to the latest version and try again',
      );
    },
  },
  {
    name: 'replace needs a version, the right uid and the right name',
    async run({ client, routes }) {
      const { body: old } = await client.post(routes, route('a'));
      const { resourceVersion } = old.metadata;
      const unversioned = await client.put(`${routes}/a`, route('a'));
      expect(unversioned.body.details.causes[0]).toMatchObject({ field: 'metadata.resourceVersion' });
      const stranger = await client.put(`${routes}/a`, route('a', {}, { resourceVersion, uid: 'nobody' }));
      expect(stranger).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
      expect((await client.put(`${routes}/a`, route('b', {}, { resourceVersion }))).status).toBe(400);
      expect((await client.put(`${routes}/b`, route('b', {}, { resourceVersion }))).status).toBe(404);
    },
  },
  {
    name: 'what the server sets cannot be set',
    async run({ client, routes }) {
      const { body: old } = await client.post(routes, route('a'));
      const forged = {
        generation: 99,
        creationTimestamp: '2020-01-01T00:00:00Z',
        resourceVersion: old.metadata.resourceVersion,
      };
      const { body } = await client.put(`${routes}/a`, route('a', { models: ['n'] }, forged));
      expect(body.metadata).toMatchObject({ generation: 2, uid: old.metadata.uid });
      expect(body.metadata.creationTimestamp).toBe(old.metadata.creationTimestamp);
    },
  },
  {
    name: 'delete answers Success and the object is gone',
    async run({ client, routes }) {
      const { body: old } = await client.post(routes, route('a'));
      const { status, body } = await client.delete(`${routes}/a`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ status: 'Success', details: { name: 'a', uid: old.metadata.uid } });
      const gone = await client.get(`${routes}/a`);
      expect(gone.body).toMatchObject({
        code: 404,
        message: 'routes.conformance.outrider.dev "a" not found',
      });
      expect((await client.delete(`${routes}/a`)).status).toBe(404);
    },
  },
  {
    name: 'delete holds to its preconditions',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const options = (preconditions: unknown) => ({
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        preconditions,
      });
      expect((await client.delete(`${routes}/a`, options({ uid: 'nobody' }))).status).toBe(409);
      expect((await client.delete(`${routes}/a`, options({ resourceVersion: '1' }))).status).toBe(409);
      expect((await client.get(`${routes}/a`)).status).toBe(200);
    },
  },
  {
    name: 'finalizers hold a deleted object back',
    async run({ client, routes }) {
      await client.post(routes, route('a', {}, { finalizers: ['outrider.dev/test'] }));
      const marked = await client.delete(`${routes}/a`);
      expect(marked.body.metadata).toMatchObject({ deletionGracePeriodSeconds: 0, generation: 2 });
      const again = await client.delete(`${routes}/a`);
      expect(again.body.metadata.deletionTimestamp).toBe(marked.body.metadata.deletionTimestamp);
      const more = await client.merge(`${routes}/a`, {
        metadata: { finalizers: ['outrider.dev/test', 'outrider.dev/more'] },
      });
      expect(more.status).toBe(422);
      await client.merge(`${routes}/a`, { metadata: { finalizers: null } });
      expect((await client.get(`${routes}/a`)).status).toBe(404);
    },
  },
  {
    name: 'deletecollection takes what the selector matches',
    async run({ client, routes }) {
      await client.post(routes, route('a', {}, { labels: { go: 'yes' } }));
      await client.post(routes, route('b', {}, { labels: { go: 'no' } }));
      await client.post(routes, route('c', {}, { labels: { go: 'yes' } }));
      const { body } = await client.delete(`${routes}?labelSelector=go%3Dyes`);
      expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
        'a',
        'c',
      ]);
      const left = await client.get(routes);
      expect(left.body.items).toHaveLength(1);
    },
  },
  {
    name: 'dry runs change nothing',
    async run({ client, routes }) {
      const dry = await client.post(`${routes}?dryRun=All`, route('a'));
      expect(dry.status).toBe(201);
      expect(dry.body.metadata.resourceVersion).toBeUndefined();
      expect((await client.get(`${routes}/a`)).status).toBe(404);
      const { body: real } = await client.post(routes, route('a'));
      const patched = await client.merge(`${routes}/a?dryRun=All`, { spec: { models: ['z'] } });
      expect(patched.body).toMatchObject({ spec: { models: ['z'] }, metadata: { generation: 2 } });
      expect((await client.delete(`${routes}/a?dryRun=All`)).status).toBe(200);
      expect((await client.get(`${routes}/a`)).body).toEqual(real);
      const invalid = await client.post(`${routes}?dryRun=All`, route('b', { models: [] }));
      expect(invalid.status).toBe(422);
    },
  },
  {
    name: 'wrong options are named',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const { body } = await client.merge(`${routes}/a?fieldValidation=Foo&dryRun=x`, {});
      expect(body.details.causes.map((cause: { field: string }) => cause.field).sort()).toEqual([
        'dryRun',
        'fieldValidation',
      ]);
      const nobody = await client.apply(`${routes}/a`, route('a'));
      expect(nobody.body.details.causes[0].field).toBe('fieldManager');
    },
  },
  {
    name: 'unknown fields are dropped with a warning, or refused when strict',
    async run({ client, routes }) {
      const odd = { ...route('a', { rules: [rule('main', { zed: 1 })], wye: 2 }, { ex: 3 }), vee: 4 };
      const warned = await client.post(routes, odd);
      expect(warned.status).toBe(201);
      expect([warned.headers.warning].flat().join()).toContain('unknown field');
      expect(warned.body).toMatchObject(route('a'));
      expect(warned.body.spec.wye).toBeUndefined();
      expect(warned.body.spec.rules[0].zed).toBeUndefined();
      const quiet = await client.merge(`${routes}/a?fieldValidation=Ignore`, { spec: { wye: 2 } });
      expect(quiet.headers.warning).toBeUndefined();
      const strict = await client.post(`${routes}?fieldValidation=Strict`, odd);
      expect(strict.status).toBe(400);
      expect(strict.body.message).toBe(
        'Route in version "v1" cannot be handled as a Route: strict decoding error: unknown field "metadata.ex", unknown field "spec.rules[0].zed", unknown field "spec.wye", unknown field "vee"',
      );
      const patched = await client.merge(`${routes}/a?fieldValidation=Strict`, { spec: { wye: 2 } });
      expect(patched.status).toBe(422);
      expect(patched.body.message).toContain('strict decoding error: unknown field "spec.wye"');
    },
  },
  {
    name: 'each kind has its own objects',
    async run({ client, routes, providers }) {
      await client.post(routes, route('same'));
      expect((await client.post(providers, provider('same'))).status).toBe(201);
      expect((await client.delete(`${routes}/same`)).status).toBe(200);
      expect((await client.get(`${providers}/same`)).status).toBe(200);
    },
  },
  {
    name: 'YAML bodies are read',
    async run({ client, routes }) {
      const yaml =
        'apiVersion: conformance.outrider.dev/v1\nkind: Route\nmetadata: {name: written}\nspec: {models: [m], rules: [{name: r, targets: [{name: t, provider: {name: p}}]}]}\n';
      const { status } = await client.send({
        method: 'POST',
        path: routes,
        body: yaml,
        type: 'application/yaml',
      });
      expect(status).toBe(201);
    },
  },
];
