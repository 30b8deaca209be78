import { expect } from 'vitest';
import type { Scenario } from '../support/scenario.ts';

const POD = {
  metadata: { name: 'p', labels: { app: 'shop' } },
  spec: { containers: [{ name: 'c', image: 'x' }] },
};

export const builtin: Scenario[] = [
  {
    name: 'ConfigMaps are maps of text',
    async run({ client, core }) {
      const path = `${core}/configmaps`;
      const made = await client.post(path, { metadata: { name: 'c' }, data: { a: '1' } });
      expect(made).toMatchObject({
        status: 201,
        body: { kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1' } },
      });
      const put = await client.put(`${path}/c`, { metadata: { name: 'c' }, data: { a: '2' } });
      expect(put.body.data).toEqual({ a: '2' });
      const strict = await client.post(`${path}?fieldValidation=Strict`, {
        metadata: { name: 'd', ex: 1 },
        foo: 2,
      });
      expect(strict.body.message).toContain('unknown field "metadata.ex", unknown field "foo"');
      expect((await client.delete(`${path}/c`)).body.details).toMatchObject({
        name: 'c',
        kind: 'configmaps',
      });
    },
  },
  {
    name: 'Secrets take text and keep base64',
    async run({ client, core }) {
      const path = `${core}/secrets`;
      const labels = { 'outrider.dev/provider-credential': 'true' };
      const made = await client.post(path, {
        metadata: { name: 's', labels },
        stringData: { a: 'hi' },
        data: { b: 'aGk=' },
      });
      expect(made.body).toMatchObject({ type: 'Opaque', data: { a: 'aGk=', b: 'aGk=' } });
      expect(made.body.stringData).toBeUndefined();
      const rotated = await client.merge(`${path}/s`, { stringData: { a: 'new' } });
      expect(rotated.body.data.a).toBe('bmV3');
      const found = await client.get(`${path}?labelSelector=outrider.dev%2Fprovider-credential%3Dtrue`);
      expect(found.body.items).toHaveLength(1);
    },
  },
  {
    name: 'what a built-in kind cannot hold is refused',
    untranscribed: 'the real server fails to decode it and names no field',
    async run({ client, core }) {
      const bad: [string, object][] = [
        ['configmaps', { data: { a: 1 } }],
        ['configmaps', { metadata: { name: 'd', labels: { a: 1 } } }],
        ['secrets', { data: { a: '!!' } }],
      ];
      for (const [kind, members] of bad) {
        const { status, body } = await client.post(`${core}/${kind}`, {
          metadata: { name: 'd' },
          ...members,
        });
        expect([400, 422]).toContain(status);
        expect(body.kind).toBe('Status');
      }
    },
  },
  {
    name: 'immutable data stays',
    async run({ client, core }) {
      await client.post(`${core}/configmaps`, { metadata: { name: 'c' }, data: { a: '1' }, immutable: true });
      const { status, body } = await client.merge(`${core}/configmaps/c`, { data: { a: '2' } });
      expect(status).toBe(422);
      expect(body.details.causes[0].field).toBe('data');
    },
  },
  {
    name: 'lists of built-in kinds',
    async run({ client, core }) {
      await client.post(`${core}/configmaps`, { metadata: { name: 'c' }, data: { a: '1' } });
      const { body } = await client.get(`${core}/configmaps`);
      expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
      expect(body.items[0].kind).toBeUndefined();
    },
  },
  {
    name: 'Leases are created by PUT and renewed with a version',
    async run({ client, namespace }) {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/l`;
      const lease = (holderIdentity: string, resourceVersion?: string) => ({
        metadata: { name: 'l', ...(resourceVersion && { resourceVersion }) },
        spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000001Z' },
      });
      const made = await client.put(path, lease('a'));
      expect(made.status).toBe(201);
      const { resourceVersion } = made.body.metadata;
      expect((await client.put(path, lease('b', resourceVersion))).body.spec.holderIdentity).toBe('b');
      expect((await client.put(path, lease('c', resourceVersion))).status).toBe(409);
    },
  },
  {
    name: 'Events are found by what they are about',
    untranscribed: 'empty members that the real server adds say nothing',
    async run({ client, core, namespace }) {
      const involvedObject = { apiVersion: 'x/v1', kind: 'Route', namespace, name: 'a', uid: 'u-1' };
      const made = await client.post(`${core}/events`, {
        metadata: { name: 'e' },
        involvedObject,
        message: 'hello',
        reason: 'Told',
        type: 'Warning',
        count: 2,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
        source: { component: 'tests' },
      });
      expect(made).toMatchObject({ status: 201, body: { involvedObject, message: 'hello', count: 2 } });
      const find = async (selector: string) =>
        (await client.get(`${core}/events?fieldSelector=${encodeURIComponent(selector)}`)).body.items.length;
      expect(await find('involvedObject.name=a,involvedObject.uid=u-1')).toBe(1);
      expect(await find(`involvedObject.namespace=${namespace},type=Warning,reason=Told`)).toBe(1);
      expect(await find('involvedObject.kind=Provider')).toBe(0);
      const wrong = await client.get(`${core}/events?fieldSelector=message%3Dhello`);
      expect(wrong.status).toBe(400);
    },
  },
  {
    name: 'Pods are created and their status is written apart',
    untranscribed: "a Pod's defaults are the scheduler's and kubelet's business",
    async run({ client, core }) {
      const made = await client.post(`${core}/pods`, { ...POD, status: { phase: 'Running' } });
      expect(made).toMatchObject({
        status: 201,
        body: { status: { phase: 'Pending' }, metadata: { generation: 1 } },
      });
      const status = {
        phase: 'Running',
        podIP: '127.0.0.1',
        conditions: [{ type: 'Ready', status: 'True' }],
      };
      const running = await client.put(`${core}/pods/p/status`, { ...made.body, status });
      expect(running.body).toMatchObject({ status: { phase: 'Running', podIP: '127.0.0.1' } });
      const found = await client.get(
        `${core}/pods?fieldSelector=status.phase%3DRunning&labelSelector=app%3Dshop`,
      );
      expect(found.body.items).toHaveLength(1);
      const labelled = await client.merge(`${core}/pods/p`, { metadata: { labels: { app: 'other' } } });
      expect(labelled.body).toMatchObject({
        metadata: { labels: { app: 'other' } },
        status: { phase: 'Running' },
      });
      const gone = await client.delete(`${core}/pods/p`, { gracePeriodSeconds: 0 });
      expect(gone.status).toBe(200);
      expect((await client.get(`${core}/pods/p`)).status).toBe(404);
    },
  },
  {
    name: 'Namespaces carry their name as a label',
    async run({ client }) {
      const { body } = await client.post('/api/v1/namespaces', { metadata: { name: 'labelled' } });
      expect(body).toMatchObject({
        metadata: { labels: { 'kubernetes.io/metadata.name': 'labelled' } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      });
      const injected = await client.merge('/api/v1/namespaces/labelled', {
        metadata: { labels: { 'outrider.dev/injection': 'enabled' } },
      });
      expect(injected.body.metadata.labels).toEqual({
        'kubernetes.io/metadata.name': 'labelled',
        'outrider.dev/injection': 'enabled',
      });
      expect((await client.post('/api/v1/namespaces', { metadata: { name: 'Not_good' } })).status).toBe(422);
    },
  },
];
