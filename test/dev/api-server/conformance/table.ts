import { expect } from 'vitest';
import type { Json } from '../support/client.ts';
import { condition, provider, route, type Scenario } from '../support/scenario.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const names = (table: Json): string[] => table.columnDefinitions.map((column: Json) => column.name);

export const table: Scenario[] = [
  {
    name: 'table of a list has the printer columns',
    async run({ client, routes }) {
      await client.post(routes, route('a', { models: ['m', 'gpt-*'] }));
      await client.post(routes, route('b'));
      await client.merge(`${routes}/b/status`, {
        status: {
          conditions: [condition('Ready', 'False', { reason: 'NoProvider' })],
          proxies: { expected: 3, programmed: 1 },
        },
      });
      const { body } = await client.get(routes, TABLE);
      expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
      expect(names(body)).toEqual(['Name', 'Models', 'Ready', 'Reason', 'Programmed', 'Age', 'Proxies']);
      expect(body.columnDefinitions.map((column: Json) => column.priority)).toEqual([0, 0, 0, 0, 0, 0, 1]);
      const [first, second] = body.rows;
      expect(first.cells.slice(0, 5)).toEqual(['a', '["m","gpt-*"]', null, null, null]);
      expect(second.cells.slice(0, 5)).toEqual(['b', '["b"]', 'False', 'NoProvider', 1]);
      expect(second.cells[6]).toBe(3);
      expect(first.cells[5]).toMatch(/^\d+s$/);
      expect(first.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
      expect(first.object.spec).toBeUndefined();
    },
  },
  {
    name: 'table of one object, whole or without it',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const one = await client.get(`${routes}/a`, TABLE);
      expect(one.body.rows).toHaveLength(1);
      const whole = await client.get(`${routes}?includeObject=Object`, TABLE);
      expect(whole.body.rows[0].object).toMatchObject({ kind: 'Route', spec: { models: ['a'] } });
      const none = await client.get(`${routes}?includeObject=None`, TABLE);
      expect(none.body.rows[0].object).toBeNull();
    },
  },
  {
    name: 'table of a watch sends its columns once',
    async run({ client, routes }) {
      const { body: made } = await client.post(routes, route('a'));
      await client.post(routes, route('b'));
      await client.delete(`${routes}/b`);
      const events = await client.watch(
        `${routes}?watch=1&resourceVersion=${made.metadata.resourceVersion}&timeoutSeconds=5`,
        2,
        TABLE,
      );
      expect(events.map((event) => `${event.type} ${event.object.rows[0].cells[0]}`)).toEqual([
        'ADDED b',
        'DELETED b',
      ]);
      expect(names(events[0]?.object)).toContain('Models');
      expect(events[1]?.object.columnDefinitions).toBeNull();
    },
  },
  {
    name: 'without printer columns there is the age',
    async run({ client, providers }) {
      await client.post(providers, provider('p'));
      const { body } = await client.get(providers, TABLE);
      expect(names(body)).toEqual(['Name', 'Age']);
    },
  },
  {
    name: 'errors are never tables, and unknown media types are refused',
    async run({ client, routes }) {
      expect((await client.get(`${routes}/absent`, TABLE)).body.kind).toBe('Status');
    },
  },
  {
    name: 'tables of built-in kinds have their columns',
    untranscribed: "descriptions of columns are the real server's documentation",
    async run({ client, core }) {
      await client.post(`${core}/configmaps`, { metadata: { name: 'c' }, data: { a: '1', b: '2' } });
      await client.post(`${core}/secrets`, { metadata: { name: 's' }, stringData: { a: '1' } });
      const configMaps = (await client.get(`${core}/configmaps`, TABLE)).body;
      expect(names(configMaps)).toEqual(['Name', 'Data', 'Age']);
      expect(configMaps.rows[0].cells.slice(0, 2)).toEqual(['c', 2]);
      const secrets = (await client.get(`${core}/secrets`, TABLE)).body;
      expect(names(secrets)).toEqual(['Name', 'Type', 'Data', 'Age']);
      expect(secrets.rows[0].cells.slice(0, 3)).toEqual(['s', 'Opaque', 1]);
      const namespaces = (await client.get('/api/v1/namespaces/default', TABLE)).body;
      expect(namespaces.rows[0].cells.slice(0, 2)).toEqual(['default', 'Active']);
    },
  },
];
