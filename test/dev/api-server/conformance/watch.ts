import { expect } from 'vitest';
import type { WatchEvent } from '../support/client.ts';
import { provider, route, type Scenario } from '../support/scenario.ts';

const brief = (events: (WatchEvent | undefined)[]): string[] =>
  events.map((event) => `${event?.type} ${event?.object.metadata?.name ?? ''}`.trim());
const INITIAL = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

export const watch: Scenario[] = [
  {
    name: 'watch continues from a version',
    async run({ client, routes }) {
      const { body: a } = await client.post(routes, route('a'));
      await client.post(routes, route('b'));
      await client.merge(`${routes}/a`, { metadata: { labels: { x: 'y' } } });
      await client.delete(`${routes}/b`);
      const events = await client.watch(
        `${routes}?watch=1&resourceVersion=${a.metadata.resourceVersion}&timeoutSeconds=5`,
        3,
      );
      expect(brief(events)).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b']);
      const versions = events.map((event) => Number(event.object.metadata.resourceVersion));
      expect(versions).toEqual([...versions].sort((x, y) => x - y));
      expect(versions[2]).toBeGreaterThan(versions[1] as number);
    },
  },
  {
    name: 'watch without a version starts with what is there',
    async run({ client, routes }) {
      await client.post(routes, route('b'));
      await client.post(routes, route('a'));
      const events = await client.watch(`${routes}?watch=true&timeoutSeconds=5`, 2);
      expect(brief(events).sort()).toEqual(['ADDED a', 'ADDED b']);
      const zero = await client.watch(`${routes}?watch=true&resourceVersion=0&timeoutSeconds=5`, 2);
      expect(brief(zero).sort()).toEqual(['ADDED a', 'ADDED b']);
    },
  },
  {
    name: 'watch sends initial events and a bookmark that ends them',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      await client.post(routes, route('b'));
      const events = await client.watch(`${routes}?watch=1&${INITIAL}&timeoutSeconds=5`, 3);
      expect(brief(events)).toEqual(['ADDED a', 'ADDED b', 'BOOKMARK']);
      const { metadata, ...typed } = events[2]?.object ?? {};
      expect(typed).toMatchObject({ kind: 'Route', apiVersion: 'conformance.outrider.dev/v1' });
      expect(metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
      expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(
        Number(events[1]?.object.metadata.resourceVersion),
      );
    },
  },
  {
    name: 'watch without initial events sends only what is new',
    async run({ client, routes }) {
      await client.post(routes, route('old'));
      const stream = await client.stream(
        `${routes}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=10`,
      );
      await client.post(routes, route('new'));
      expect(brief([await stream.next()])).toEqual(['ADDED new']);
      stream.close();
    },
  },
  {
    name: 'watch goes on live after the initial events',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const stream = await client.stream(`${routes}?watch=1&${INITIAL}&timeoutSeconds=10`);
      expect(brief([await stream.next(), await stream.next()])).toEqual(['ADDED a', 'BOOKMARK']);
      await client.post(routes, route('b'));
      await client.merge(`${routes}/b`, { spec: { models: ['z'] } });
      await client.delete(`${routes}/a`);
      const live: (WatchEvent | undefined)[] = [];
      // A server may send bookmarks whenever it likes.
      while (live.length < 3) {
        const event = await stream.next();
        if (event?.type !== 'BOOKMARK') live.push(event);
      }
      expect(brief(live)).toEqual(['ADDED b', 'MODIFIED b', 'DELETED a']);
      expect(live[1]?.object.spec.models).toEqual(['z']);
      stream.close();
    },
  },
  {
    name: 'watch with a selector sees objects come and go',
    async run({ client, routes }) {
      const { body: first } = await client.post(routes, route('a'));
      const set = (value: string | null) =>
        client.merge(`${routes}/a`, { metadata: { labels: { on: value } } });
      await set('yes');
      await client.merge(`${routes}/a`, { spec: { models: ['z'] } });
      await set(null);
      await set('yes');
      await client.delete(`${routes}/a`);
      const events = await client.watch(
        `${routes}?watch=1&labelSelector=on%3Dyes&resourceVersion=${first.metadata.resourceVersion}&timeoutSeconds=5`,
        5,
      );
      expect(brief(events)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a']);
      expect(events[2]?.object.metadata.labels).toEqual({ on: 'yes' });
    },
  },
  {
    name: 'watch one object by field selector',
    async run({ client, routes }) {
      const { body: first } = await client.post(routes, route('a'));
      await client.post(routes, route('b'));
      await client.delete(`${routes}/a`);
      const events = await client.watch(
        `${routes}?watch=1&fieldSelector=metadata.name%3Da&resourceVersion=${first.metadata.resourceVersion}&timeoutSeconds=5`,
        1,
      );
      expect(brief(events)).toEqual(['DELETED a']);
    },
  },
  {
    name: 'watch sees its kind only',
    async run({ client, routes, providers }) {
      const { body: first } = await client.post(routes, route('a'));
      await client.post(providers, provider('p'));
      await client.post(routes, route('b'));
      const events = await client.watch(
        `${routes}?watch=1&resourceVersion=${first.metadata.resourceVersion}&timeoutSeconds=5`,
        1,
      );
      expect(brief(events)).toEqual(['ADDED b']);
    },
  },
  {
    name: 'watch ends at its timeout',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const events = await client.watch(`${routes}?watch=1&timeoutSeconds=1`, 99);
      expect(brief(events)).toEqual(['ADDED a']);
    },
  },
  {
    name: 'watch from a forgotten version is told to list again',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const [event] = await client.watch(`${routes}?watch=1&resourceVersion=1&timeoutSeconds=5`, 1);
      expect(event).toMatchObject({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired' },
      });
    },
  },
  {
    name: 'watch from a version to come is refused for initial events',
    async run({ client, routes }) {
      const [event] = await client.watch(
        `${routes}?watch=1&${INITIAL}&resourceVersion=9000000000000000&timeoutSeconds=8`,
        1,
      );
      expect(event).toMatchObject({ type: 'ERROR', object: { code: 504, reason: 'Timeout' } });
    },
  },
  {
    name: 'watch options that make no sense are refused',
    async run({ client, routes }) {
      expect((await client.get(`${routes}?watch=1&sendInitialEvents=true`)).status).toBe(422);
      expect(
        (await client.get(`${routes}?watch=1&resourceVersion=1&resourceVersionMatch=NotOlderThan`)).status,
      ).toBe(422);
      expect((await client.get(`${routes}?watch=1&resourceVersion=abc`)).status).toBe(500);
    },
  },
  {
    name: 'watch of all namespaces',
    async run({ client, routes, namespace }) {
      const { body: first } = await client.post(routes, route('a'));
      await client.merge(`${routes}/a`, { metadata: { labels: { x: 'y' } } });
      const events = await client.watch(
        `/apis/conformance.outrider.dev/v1/routes?watch=1&fieldSelector=metadata.namespace%3D${namespace}&resourceVersion=${first.metadata.resourceVersion}&timeoutSeconds=5`,
        1,
      );
      expect(brief(events)).toEqual(['MODIFIED a']);
    },
  },
];
