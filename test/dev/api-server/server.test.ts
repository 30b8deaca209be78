/** What the server does over time: forgets history, sends bookmarks, ends watches, starts anew. */
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../../../dev/api-server/server.ts';
import { CRDS } from './conformance/crds.ts';
import { Client, type Json, type WatchEvent } from './support/client.ts';
import { provider, route } from './support/scenario.ts';

const ROUTES = '/apis/conformance.outrider.dev/v1/namespaces/default/routes';
const PROVIDERS = '/apis/conformance.outrider.dev/v1/namespaces/default/providers';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

const running: { server: ApiServer; client: Client }[] = [];
async function start(
  options: Partial<ApiServerOptions> = {},
): Promise<{ server: ApiServer; client: Client }> {
  const server = await startApiServer({ crds: CRDS, ...options });
  const started = { server, client: new Client(server) };
  running.push(started);
  return started;
}
afterEach(async () => {
  for (const { server, client } of running.splice(0)) {
    client.close();
    await server.close();
  }
});

const versionOf = ({ body }: { body: Json }): number => Number(body.metadata.resourceVersion);
const named = (events: (WatchEvent | undefined)[]): string[] =>
  events.map((event) => `${event?.type} ${event?.object.metadata?.name ?? ''}`.trim());
const from = (version: number): string => `${ROUTES}?watch=1&resourceVersion=${version}&timeoutSeconds=5`;

describe('history', () => {
  it('goes back as far as the limit, and says so beyond it', async () => {
    const { client } = await start({ historyLimit: 3 });
    const versions: number[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      versions.push(versionOf(await client.post(ROUTES, route(name))));
    }
    // Seven changes are more than twice the limit: the oldest four went.
    const [first = 0, , , forgotten = 0] = versions;
    expect(named(await client.watch(from(forgotten), 3))).toEqual(['ADDED e', 'ADDED f', 'ADDED g']);
    const [error, ...more] = await client.watch(from(first), 9);
    expect(more).toEqual([]);
    expect(error).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    const message = `too old resource version: ${first} (${forgotten})`;
    expect(error?.object.message).toBe(message);
  });

  it('is kept for each kind by itself', async () => {
    const { client } = await start({ historyLimit: 2 });
    const first = versionOf(await client.post(ROUTES, route('a')));
    await client.post(ROUTES, route('b'));
    for (let index = 0; index < 20; index++) await client.post(PROVIDERS, provider(`p${index}`));
    expect(named(await client.watch(from(first), 1))).toEqual(['ADDED b']);
  });

  it('can be forgotten at once', async () => {
    const { client, server } = await start();
    const first = versionOf(await client.post(CONFIG_MAPS, { metadata: { name: 'a' } }));
    const last = versionOf(await client.post(CONFIG_MAPS, { metadata: { name: 'b' } }));
    server.store.collection({ group: '', plural: 'configmaps' }).compact();
    const watch = (version: number) => `${CONFIG_MAPS}?watch=1&resourceVersion=${version}&timeoutSeconds=1`;
    expect(named(await client.watch(watch(first), 1))).toEqual(['ERROR']);
    expect(await client.watch(watch(last), 1)).toEqual([]);
  });

  it('shows the pages of a list as they were when it began', async () => {
    const { client } = await start();
    for (const name of ['a', 'b', 'c', 'd']) await client.post(ROUTES, route(name));
    const first = await client.get(`${ROUTES}?limit=2`);
    await client.delete(`${ROUTES}/c`);
    await client.post(ROUTES, route('e'));
    const { body } = await client.get(`${ROUTES}?limit=9&continue=${first.body.metadata.continue}`);
    expect(body.items.map((item: Json) => item.metadata.name)).toEqual(['c', 'd']);
    expect(body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
  });

  it('lets a client go on with a list that it has forgotten the beginning of', async () => {
    const { client, server } = await start();
    for (const name of ['a', 'b', 'c', 'd']) await client.post(ROUTES, route(name));
    const first = await client.get(`${ROUTES}?limit=2`);
    await client.delete(`${ROUTES}/c`);
    server.store.collection({ group: 'conformance.outrider.dev', plural: 'routes' }).compact();
    const { body, status } = await client.get(`${ROUTES}?limit=2&continue=${first.body.metadata.continue}`);
    expect([status, body.reason]).toEqual([410, 'Expired']);
    const rest = await client.get(`${ROUTES}?limit=2&continue=${body.metadata.continue}`);
    expect(rest.body.items.map((item: Json) => item.metadata.name)).toEqual(['d']);
  });

  it('does not reach back before a restart', async () => {
    let time = Date.parse('2026-05-01T12:00:00Z');
    const now = () => new Date(time);
    const before = await start({ now });
    const version = versionOf(await before.client.post(ROUTES, route('a')));
    time += 10_000;
    const after = await start({ now });
    expect(named(await after.client.watch(from(version), 1))).toEqual(['ERROR']);
    const { body } = await after.client.get(ROUTES);
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(version);
  });
});

describe('watches', () => {
  it('tells those who ask where they are, again and again', async () => {
    const { client } = await start({ bookmarkEvery: 20 });
    const version = versionOf(await client.get(ROUTES));
    const stream = await client.stream(`${from(version)}&allowWatchBookmarks=true`);
    // Other kinds move the version on too.
    const elsewhere = versionOf(await client.post(CONFIG_MAPS, { metadata: { name: 'a' } }));
    let last: WatchEvent | undefined;
    do last = await stream.next();
    while (last && Number(last.object.metadata.resourceVersion) < elsewhere);
    expect(last).toEqual({
      type: 'BOOKMARK',
      object: {
        apiVersion: 'conformance.outrider.dev/v1',
        kind: 'Route',
        metadata: { resourceVersion: String(elsewhere) },
      },
    });
    stream.close();
  });

  it('sends none to those who do not', async () => {
    const { client } = await start({ bookmarkEvery: 5 });
    const path = from(versionOf(await client.get(ROUTES)));
    const stream = await client.stream(path);
    const told = await client.stream(`${path}&allowWatchBookmarks=true`);
    expect(named([await told.next(), await told.next()])).toEqual(['BOOKMARK', 'BOOKMARK']);
    told.close();
    await client.post(ROUTES, route('a'));
    expect(named([await stream.next()])).toEqual(['ADDED a']);
    stream.close();
  });

  it('end in time, with a bookmark, and are forgotten', async () => {
    const { client, server } = await start();
    const version = versionOf(await client.get(ROUTES));
    const path = `${ROUTES}?watch=1&resourceVersion=${version}&timeoutSeconds=1&allowWatchBookmarks=true`;
    expect(named(await client.watch(path, 9))).toEqual(['BOOKMARK']);
    const routes = server.store.collection({ group: 'conformance.outrider.dev', plural: 'routes' });
    expect(routes.listeners.size).toBe(0);
    expect((await client.post(ROUTES, route('a'))).status).toBe(201);
  });

  it('are forgotten when the client goes', async () => {
    const { client, server } = await start();
    const routes = server.store.collection({ group: 'conformance.outrider.dev', plural: 'routes' });
    const streams = await Promise.all(Array.from({ length: 20 }, () => client.stream(`${ROUTES}?watch=1`)));
    expect(routes.listeners.size).toBe(20);
    for (const stream of streams) stream.close();
    await expect.poll(() => routes.listeners.size).toBe(0);
  });

  it('end when the server does', async () => {
    const { client, server } = await start();
    const stream = await client.stream(`${ROUTES}?watch=1`);
    await server.close();
    expect(await stream.next()).toBeUndefined();
    running.splice(0);
    client.close();
  });
});

describe('the server', () => {
  it('starts with the namespaces that every cluster has', async () => {
    const { client } = await start();
    const { body } = await client.get('/api/v1/namespaces');
    expect(body.items.map((item: Json) => item.metadata.name)).toEqual(['default', 'kube-system']);
  });

  it('takes the port it is told, or fails to start', async () => {
    const { server } = await start();
    await expect(startApiServer({ crds: [], port: server.port })).rejects.toThrow('EADDRINUSE');
    await server.close();
    running.splice(0);
    const again = await start({ port: server.port });
    expect(again.server.url).toBe(server.url);
  });

  it('keeps times by the clock it is given', async () => {
    const { client } = await start({ now: () => new Date('2026-05-01T12:00:00.750Z') });
    const { body } = await client.post(ROUTES, route('a'));
    expect(body.metadata.creationTimestamp).toBe('2026-05-01T12:00:00Z');
    expect(body.metadata.managedFields[0].time).toBe('2026-05-01T12:00:00Z');
  });

  it('serves many requests over one connection', async () => {
    const { client } = await start();
    const answers = [];
    for (let index = 0; index < 5; index++) answers.push(await client.get('/version'));
    expect(new Set(answers.map(({ headers }) => headers.connection))).toEqual(new Set(['keep-alive']));
  });

  it('never hands out what is stored to be changed', async () => {
    const { client, server } = await start();
    const { body: stored } = await client.post(ROUTES, route('a'));
    await client.merge(`${ROUTES}/a?dryRun=All`, { spec: { models: ['changed'] } });
    await client.jsonPatch(`${ROUTES}/a?dryRun=All`, [{ op: 'add', path: '/spec/models/-', value: 'x' }]);
    await client.apply(`${ROUTES}/a?dryRun=All&fieldManager=x&force=true`, route('a', { models: ['y'] }));
    expect((await client.get(`${ROUTES}/a`)).body).toEqual(stored);
    expect(server.store.version).toBe(Number(stored.metadata.resourceVersion));
  });
});
