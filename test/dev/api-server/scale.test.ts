/** A cluster's worth of routes and watchers. Nothing is timed here: what grew with the square would not end in time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { CRDS } from './conformance/crds.ts';
import { Client, type Json, type WatchEvent, type WatchStream } from './support/client.ts';
import { route } from './support/scenario.ts';

const ROUTES = '/apis/conformance.outrider.dev/v1/namespaces/default/routes';
const COUNT = 2000;
const WATCHERS = 500;
const BATCH = 50;

let server: ApiServer;
let client: Client;
beforeAll(async () => {
  server = await startApiServer({ crds: CRDS });
  client = new Client(server);
});
afterAll(async () => {
  client.close();
  await server.close();
});

const nameOf = (index: number): string => `route-${String(index).padStart(4, '0')}`;
const NAMES = Array.from({ length: COUNT }, (_, index) => nameOf(index));
const namesOf = (items: Json[]): string[] => items.map((item) => item.metadata.name);

async function forEach(names: string[], act: (name: string) => Promise<{ status: number }>): Promise<void> {
  for (let index = 0; index < names.length; index += BATCH) {
    const answers = await Promise.all(names.slice(index, index + BATCH).map(act));
    expect(answers.filter(({ status }) => status >= 300)).toEqual([]);
  }
}

async function take(stream: WatchStream, count: number): Promise<(WatchEvent | undefined)[]> {
  const events = [];
  for (let index = 0; index < count; index++) events.push(await stream.next());
  return events;
}

describe('two thousand routes', () => {
  it('are created while somebody watches, and none is missed', async () => {
    const stream = await client.stream(`${ROUTES}?watch=1`);
    await forEach(NAMES, (name) => client.post(ROUTES, route(name)));
    const events = await take(stream, COUNT);
    stream.close();
    expect(namesOf(events.map((event) => event?.object)).sort()).toEqual(NAMES);
    const versions = events.map((event) => Number(event?.object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it('are listed, in one piece and in pages', async () => {
    expect(namesOf((await client.get(ROUTES)).body.items)).toEqual(NAMES);
    const listed: string[] = [];
    let token = '';
    do {
      const { body } = await client.get(`${ROUTES}?limit=100&continue=${token}`);
      listed.push(...namesOf(body.items));
      token = body.metadata.continue;
    } while (token);
    expect(listed).toEqual(NAMES);
  });

  it('are sent to a watch that begins with all of them', async () => {
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const stream = await client.stream(`${ROUTES}?${query}`);
    const events = await take(stream, COUNT + 1);
    stream.close();
    expect(namesOf(events.slice(0, COUNT).map((event) => event?.object))).toEqual(NAMES);
    expect(events.at(-1)?.type).toBe('BOOKMARK');
  });

  it('are applied by a second manager, one by one', async () => {
    const config = (name: string) => ({ ...route(name), metadata: { name, labels: { tier: 'gold' } } });
    await forEach(NAMES, (name) => client.apply(`${ROUTES}/${name}?fieldManager=second`, config(name)));
    const { body } = await client.get(`${ROUTES}?labelSelector=tier%3Dgold`);
    expect(body.items).toHaveLength(COUNT);
  });
});

describe('five hundred watches', () => {
  it('all hear of every change, and of nothing else', async () => {
    const { body } = await client.get(`${ROUTES}?limit=1`);
    const path = `${ROUTES}?watch=1&resourceVersion=${body.metadata.resourceVersion}`;
    const streams = await Promise.all(Array.from({ length: WATCHERS }, () => client.stream(path)));
    const changed = NAMES.slice(0, 10);
    for (const name of changed) await client.merge(`${ROUTES}/${name}`, { spec: { models: ['new'] } });
    const heard = await Promise.all(streams.map((stream) => take(stream, changed.length)));
    for (const stream of streams) stream.close();
    const told = new Set(heard.map((events) => JSON.stringify(events)));
    expect(told.size).toBe(1);
    expect(namesOf(heard[0]?.map((event) => event?.object) ?? [])).toEqual(changed);
  });

  it('of one name each hear of their own', async () => {
    const { body } = await client.get(`${ROUTES}?limit=1`);
    const names = NAMES.slice(0, WATCHERS);
    const query = (name: string) =>
      `watch=1&resourceVersion=${body.metadata.resourceVersion}&fieldSelector=metadata.name%3D${name}`;
    const streams = await Promise.all(names.map((name) => client.stream(`${ROUTES}?${query(name)}`)));
    await forEach(names, (name) => client.merge(`${ROUTES}/${name}`, { spec: { models: ['own'] } }));
    const heard = await Promise.all(streams.map((stream) => stream.next()));
    for (const stream of streams) stream.close();
    expect(namesOf(heard.map((event) => event?.object))).toEqual(names);
  });
});

it('deletes them all at once', async () => {
  expect((await client.delete(ROUTES)).status).toBe(200);
  expect((await client.get(ROUTES)).body.items).toEqual([]);
});
