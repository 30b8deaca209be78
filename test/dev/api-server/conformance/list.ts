import { expect } from 'vitest';
import { route, type Scenario, type ScenarioContext } from '../support/scenario.ts';

const names = (list: { items: { metadata: { name: string } }[] }): string[] =>
  list.items.map((item) => item.metadata.name);

async function five({ client, routes }: ScenarioContext): Promise<void> {
  for (const [index, name] of ['e', 'b', 'd', 'a', 'c'].entries()) {
    await client.post(routes, route(name, {}, { labels: { parity: index % 2 ? 'odd' : 'even', name } }));
  }
}

export const list: Scenario[] = [
  {
    name: 'list is ordered by name and typed',
    async run(context) {
      await five(context);
      const { body } = await context.client.get(context.routes);
      expect(names(body)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(body).toMatchObject({ kind: 'RouteList', apiVersion: 'conformance.outrider.dev/v1' });
      expect(body.items[0]).toMatchObject({ kind: 'Route', apiVersion: 'conformance.outrider.dev/v1' });
      expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
    },
  },
  {
    name: 'list pages are one consistent view',
    async run(context) {
      await five(context);
      const { client, routes } = context;
      const first = await client.get(`${routes}?limit=2`);
      expect(names(first.body)).toEqual(['a', 'b']);
      expect(first.body.metadata.remainingItemCount).toBe(3);
      await client.delete(`${routes}/c`);
      await client.post(routes, route('cc'));
      await client.merge(`${routes}/d`, { metadata: { labels: { late: 'yes' } } });
      const token = encodeURIComponent(first.body.metadata.continue);
      const second = await client.get(`${routes}?limit=2&continue=${token}`);
      expect(names(second.body)).toEqual(['c', 'd']);
      expect(second.body.items[1].metadata.labels.late).toBeUndefined();
      const third = await client.get(
        `${routes}?limit=2&continue=${encodeURIComponent(second.body.metadata.continue)}`,
      );
      expect(names(third.body)).toEqual(['e']);
      expect(third.body.metadata.continue || '').toBe('');
    },
  },
  {
    name: 'list refuses a broken continue token',
    untranscribed: 'the reason in the message is of how tokens are made',
    async run({ client, routes }) {
      const { body } = await client.get(`${routes}?limit=1&continue=zzz`);
      expect(body).toMatchObject({ code: 400, reason: 'BadRequest' });
    },
  },
  {
    name: 'label selectors',
    async run(context) {
      await five(context);
      const { client, routes } = context;
      const matching = async (selector: string) =>
        names((await client.get(`${routes}?labelSelector=${encodeURIComponent(selector)}`)).body);
      expect(await matching('parity=odd')).toEqual(['a', 'b']);
      expect(await matching('parity!=odd')).toEqual(['c', 'd', 'e']);
      expect(await matching('name in (a, e),parity==even')).toEqual(['e']);
      expect(await matching('name notin (a,b,c)')).toEqual(['d', 'e']);
      expect(await matching('parity')).toHaveLength(5);
      expect(await matching('!parity')).toEqual([]);
      expect(await matching('absent!=x')).toHaveLength(5);
      expect(await matching('absent notin (x)')).toHaveLength(5);
    },
  },
  {
    name: 'label selectors that make no sense are refused',
    untranscribed: 'the real parser says what token it expected',
    async run({ client, routes }) {
      expect((await client.get(`${routes}?labelSelector=a%20b%20c`)).status).toBe(400);
    },
  },
  {
    name: 'field selectors',
    async run(context) {
      await five(context);
      const { client, routes, namespace } = context;
      const matching = async (selector: string) =>
        names((await client.get(`${routes}?fieldSelector=${encodeURIComponent(selector)}`)).body);
      expect(await matching('metadata.name=c')).toEqual(['c']);
      expect(await matching(`metadata.namespace=${namespace},metadata.name!=c`)).toEqual([
        'a',
        'b',
        'd',
        'e',
      ]);
      const { body } = await client.get(`${routes}?fieldSelector=spec.models%3Da`);
      expect(body).toMatchObject({ code: 400, message: 'field label not supported: spec.models' });
      expect((await client.get(`${routes}?fieldSelector=nonsense`)).status).toBe(400);
    },
  },
  {
    name: 'list of all namespaces',
    async run(context) {
      await five(context);
      const { client, namespace } = context;
      const { body } = await client.get(
        `/apis/conformance.outrider.dev/v1/routes?fieldSelector=metadata.namespace%3D${namespace}&limit=500`,
      );
      expect(names(body)).toEqual(['a', 'b', 'c', 'd', 'e']);
    },
  },
  {
    name: 'list versions that cannot be had',
    async run(context) {
      const { client, routes } = context;
      await client.post(routes, route('a'));
      const get = async (query: string) => (await client.get(`${routes}?${query}`)).body;
      expect(await get('resourceVersion=0')).toMatchObject({ kind: 'RouteList' });
      expect(await get('resourceVersion=abc')).toMatchObject({ code: 400 });
      expect(await get('limit=abc')).toMatchObject({ code: 400 });
      const future = await get('resourceVersion=9000000000000000&resourceVersionMatch=NotOlderThan');
      expect(future).toMatchObject({
        code: 504,
        details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
      });
    },
  },
  {
    name: 'list at an exact version shows the past',
    async run({ client, routes }) {
      const { body: a } = await client.post(routes, route('a'));
      await client.post(routes, route('b'));
      await client.delete(`${routes}/a`);
      const { body } = await client.get(
        `${routes}?resourceVersion=${a.metadata.resourceVersion}&resourceVersionMatch=Exact`,
      );
      expect(names(body)).toEqual(['a']);
    },
  },
];
