import { expect } from 'vitest';
import { route, rule, type Scenario } from '../support/scenario.ts';

export const patch: Scenario[] = [
  {
    name: 'merge patch sets, replaces lists and removes with null',
    async run({ client, routes }) {
      await client.post(routes, route('a', {}, { labels: { x: '1', y: '2' } }));
      const { body } = await client.merge(`${routes}/a`, {
        metadata: { labels: { x: null, z: '3' } },
        spec: { models: ['m', 'n'], selector: { matchLabels: { app: 'shop' } } },
      });
      expect(body.metadata.labels).toEqual({ y: '2', z: '3' });
      expect(body.spec).toMatchObject({
        models: ['m', 'n'],
        selector: { matchLabels: { app: 'shop' } },
      });
      expect(body.metadata.generation).toBe(2);
    },
  },
  {
    name: 'merge patch of nothing keeps the version',
    async run({ client, routes }) {
      const { body } = await client.post(routes, route('a'));
      expect((await client.merge(`${routes}/a`, {})).body).toEqual(body);
    },
  },
  {
    name: 'patch holds to a version it names',
    async run({ client, routes }) {
      const { body } = await client.post(routes, route('a'));
      const { resourceVersion } = body.metadata;
      const good = await client.merge(`${routes}/a`, { metadata: { resourceVersion, labels: { x: 'y' } } });
      expect(good.status).toBe(200);
      const stale = await client.merge(`${routes}/a`, { metadata: { resourceVersion, labels: { x: 'z' } } });
      expect(stale).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    },
  },
  {
    name: 'patch cannot move an object',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      expect((await client.merge(`${routes}/a`, { metadata: { name: 'b' } })).status).toBe(400);
      expect((await client.merge(`${routes}/a`, { metadata: { namespace: 'b' } })).status).toBe(400);
      expect((await client.merge(`${routes}/absent`, { spec: {} })).status).toBe(404);
    },
  },
  {
    name: 'JSON patch adds, removes, replaces, moves, copies and tests',
    async run({ client, routes }) {
      await client.post(routes, route('a', { models: ['x', 'y'] }, { labels: { 'example.com/k': '1' } }));
      const { body } = await client.jsonPatch(`${routes}/a`, [
        { op: 'test', path: '/spec/models/0', value: 'x' },
        { op: 'add', path: '/spec/models/1', value: 'new' },
        { op: 'add', path: '/spec/models/-', value: 'last' },
        { op: 'remove', path: '/spec/models/0' },
        { op: 'replace', path: '/spec/rules/0/name', value: 'renamed' },
        { op: 'copy', from: '/metadata/labels/example.com~1k', path: '/metadata/labels/copied' },
        { op: 'move', from: '/metadata/labels/example.com~1k', path: '/metadata/labels/moved' },
      ]);
      expect(body.spec.models).toEqual(['new', 'y', 'last']);
      expect(body.spec.rules[0].name).toBe('renamed');
      expect(body.metadata.labels).toEqual({ copied: '1', moved: '1' });
    },
  },
  {
    name: 'JSON patch that does not fit changes nothing',
    async run({ client, routes }) {
      const { body: before } = await client.post(routes, route('a'));
      const failing = [
        [{ op: 'test', path: '/spec/models/0', value: 'other' }],
        [
          { op: 'replace', path: '/metadata/labels', value: {} },
          { op: 'remove', path: '/spec/absent' },
        ],
        [{ op: 'remove', path: '/spec/models/7' }],
      ];
      for (const operations of failing) {
        expect((await client.jsonPatch(`${routes}/a`, operations)).status).toBe(422);
      }
      expect((await client.jsonPatch(`${routes}/a`, {})).status).toBe(400);
      expect((await client.get(`${routes}/a`)).body).toEqual(before);
    },
  },
  {
    name: 'a patch that makes the object invalid is refused',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const { status, body } = await client.merge(`${routes}/a`, { spec: { rules: [{ name: 'x' }] } });
      expect(status).toBe(422);
      expect(body.details.causes[0].field).toBe('spec.rules[0].targets');
    },
  },
  {
    name: 'strategic merge patch is unsupported for custom resources',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const { status, body } = await client.strategic(`${routes}/a`, { spec: { models: ['z'] } });
      expect(status).toBe(415);
      expect(body).toMatchObject({ reason: 'UnsupportedMediaType', status: 'Failure' });
    },
  },
  {
    name: 'strategic merge patch on maps',
    async run({ client, core }) {
      await client.post(`${core}/configmaps`, {
        metadata: { name: 'c', finalizers: ['a.b/c'] },
        data: { a: '1', b: '2' },
      });
      const merged = await client.strategic(`${core}/configmaps/c`, {
        data: { a: null, c: '3' },
        metadata: { $setElementOrder: undefined, finalizers: ['d.e/f'], annotations: { x: 'y' } },
      });
      expect(merged.body.data).toEqual({ b: '2', c: '3' });
      expect(merged.body.metadata.finalizers.sort()).toEqual(['a.b/c', 'd.e/f']);
      const replaced = await client.strategic(`${core}/configmaps/c`, {
        data: { $patch: 'replace', only: '1' },
      });
      expect(replaced.body.data).toEqual({ only: '1' });
      const emptied = await client.strategic(`${core}/configmaps/c`, {
        metadata: { '$deleteFromPrimitiveList/finalizers': ['a.b/c', 'd.e/f'] },
        data: { $patch: 'delete' },
      });
      expect(emptied.body.data).toBeUndefined();
      expect(emptied.body.metadata.finalizers).toBeUndefined();
    },
  },
  {
    name: 'patches record their field manager',
    async run({ client, routes }) {
      await client.post(`${routes}?fieldManager=maker`, route('a'));
      const { body } = await client.merge(`${routes}/a?fieldManager=editor`, {
        spec: { rules: [rule('other')] },
      });
      const managers = body.metadata.managedFields.map((one: { manager: string }) => one.manager).sort();
      expect(managers).toEqual(['editor', 'maker']);
    },
  },
];
