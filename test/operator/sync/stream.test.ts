import https from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LivePod } from '../../../operator/sync/pods.ts';
import type { SyncServer } from '../../../operator/sync/server.ts';
import { until } from '../support/manual-clock.ts';
import { BARE, Harness, HOUR_MS } from './support/harness.ts';
import { podNamed } from './support/pods.ts';
import { compiledOf, keys, routeItem, snapshotOf } from './support/snapshots.ts';

const shop = snapshotOf(routeItem('gpt'));
const desk = snapshotOf(routeItem('desk'));

let harness: Harness;
let server: SyncServer;
let pod: LivePod;

beforeEach(async () => {
  harness = await Harness.create();
  pod = harness.pods.set(podNamed('web', { app: 'shop' }));
  server = await harness.server();
});
afterEach(() => harness.close());

describe.each([
  ['as curl has it', false],
  ['bare', true],
])('stream %s', (_form, bare) => {
  const listen = async (who = pod, expiresInMs = HOUR_MS) =>
    harness.stream(server.address.port, await harness.token(who, expiresInMs), bare);

  it('announces what the pod should run as soon as it is open', async () => {
    server.publish(compiledOf({ app: 'shop', snapshot: shop, credentials: keys({ a: 'v' }) }));
    const stream = await listen();
    await until(() => stream.hashes.length === 1);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    });
    expect(stream.text).toBe(
      `event: credentials\ndata: {"version":"${keys({ a: 'v' }).version}"}\n\n` +
        `event: snapshot\nid: ${shop.hash}\ndata: {"hash":"${shop.hash}"}\n\n`,
    );
  });

  it('waits for the first publication', async () => {
    const stream = await listen();
    expect(server.registry.get(pod.uid)).toMatchObject({ connected: true, sentHash: undefined });
    server.publish(compiledOf({ app: 'shop', snapshot: shop }));
    await until(() => stream.hashes.length === 1);
    expect(server.registry.get(pod.uid)).toMatchObject({ sentHash: shop.hash });
  });

  it('announces only what changed for this pod', async () => {
    server.publish(compiledOf({ app: 'shop', snapshot: shop }, { app: 'desk', snapshot: desk }));
    const clerk = harness.pods.set(podNamed('clerk', { app: 'desk' }));
    const [mine, others] = [await listen(), await listen(clerk)];
    await until(() => mine.hashes.length === 1 && others.hashes.length === 1);
    const next = snapshotOf(routeItem('gpt', 2));
    server.publish(compiledOf({ app: 'shop', snapshot: next }, { app: 'desk', snapshot: desk }));
    server.publish(
      compiledOf(
        { app: 'shop', snapshot: next },
        { app: 'desk', snapshot: desk, credentials: keys({ b: 'w' }) },
      ),
    );
    await until(() => mine.hashes.length === 2 && others.text.includes(keys({ b: 'w' }).version));
    expect(mine.hashes).toEqual([shop.hash, next.hash]);
    expect(others.hashes).toEqual([desk.hash]);
    expect(mine.text.match(/event: credentials/g)).toHaveLength(1);
    expect(harness.counted.pushed).toBe(4);
  });

  it('follows the labels of its pod', async () => {
    server.publish(compiledOf({ app: 'shop', snapshot: shop }, { app: 'desk', snapshot: desk }));
    const stream = await listen();
    await until(() => stream.hashes.length === 1);
    harness.pods.set({ ...pod, labels: { app: 'shop' } });
    harness.pods.set({ ...pod, labels: { app: 'desk' } });
    await until(() => stream.hashes.length === 2);
    expect(stream.hashes).toEqual([shop.hash, desk.hash]);
    expect(server.registry.get(pod.uid)).toMatchObject({ labels: { app: 'desk' }, sentHash: desk.hash });
  });

  it('ends with its pod, and its token is refused from then on', async () => {
    server.publish(compiledOf({ app: 'shop', snapshot: shop }));
    const stream = await listen();
    const token = await harness.token(pod);
    harness.pods.delete(pod.uid);
    await until(() => stream.ended);
    expect(server.registry.list()).toEqual([]);
    const reply = harness.request(server.address.port, '/v1/stream', { token });
    await until(() => harness.pods.listeners > 1);
    harness.clock.advance(2_000);
    expect((await reply).status).toBe(401);
    expect(harness.counted.refused).toEqual(['PodUnknown']);
  });

  it('ends when its token expires', async () => {
    const stream = await listen(pod, 10_000);
    harness.clock.advance(9_000);
    expect(server.registry.get(pod.uid)).toMatchObject({ connected: true });
    harness.clock.advance(2_000);
    await until(() => stream.ended);
    await until(() => server.registry.get(pod.uid)?.connected === false);
    expect(server.registry.get(pod.uid)).toMatchObject({
      connectedSince: undefined,
      disconnectedAt: 11_000,
    });
    expect(stream.complete).toBe(true);
  });

  it('is replaced by a newer one of the same pod', async () => {
    const older = await listen();
    const newer = await listen();
    await until(() => older.ended);
    server.publish(compiledOf({ app: 'shop', snapshot: shop }));
    await until(() => newer.hashes.length === 1);
    await until(() => harness.counted.connected === 1);
    expect(server.registry.get(pod.uid)).toMatchObject({ connected: true });
    expect(server.registry.list()).toHaveLength(1);
  });

  it('is never silent for longer than 15 s', async () => {
    server.publish(compiledOf({ app: 'shop', snapshot: shop }));
    const stream = await listen();
    await until(() => stream.hashes.length === 1);
    const announced = stream.text.length;
    harness.clock.advance(13_000);
    expect(stream.text.length).toBe(announced);
    harness.clock.advance(2_000);
    await until(() => stream.text.endsWith(':\n\n'));
    expect(stream.text.length).toBe(announced + 3);
  });

  it('says when it is told of changes', async () => {
    const changed: string[] = [];
    const stop = server.registry.onChange((uid) => changed.push(uid));
    const stream = await listen();
    expect(new Set(changed)).toEqual(new Set([pod.uid]));
    stop();
    const before = changed.length;
    stream.body.destroy();
    await until(() => server.registry.get(pod.uid)?.connected === false);
    expect(changed).toHaveLength(before);
  });

  it('ends in order when the server closes', async () => {
    const stream = await listen();
    await harness.stopServer(server);
    await until(() => stream.ended);
    expect(stream.complete).toBe(true);
  });
});

describe('a bare stream', () => {
  const ask = (target: string, headers: Record<string, string>, token?: string) =>
    harness.request(server.address.port, target, {
      headers,
      agent: new https.Agent({ ca: harness.authority.ca }),
      ...(token !== undefined && { token }),
    });

  it('says what it is, and whom it was asked by', async () => {
    const { response } = await harness.stream(server.address.port, await harness.token(pod), true);
    expect(response.statusCode).toBe(101);
    expect(response.headers).toMatchObject({ ...BARE, 'x-outrider-protocol': '1' });
    expect(response.headers).not.toHaveProperty('transfer-encoding');
  });

  it('is refused in words of HTTP, and the connection ends', async () => {
    const reply = await ask('/v1/stream', BARE);
    expect(reply.status).toBe(401);
    expect(reply.headers).toMatchObject({ connection: 'close', 'www-authenticate': 'Bearer' });
    expect(JSON.parse(reply.body.toString())).toMatchObject({ error: { code: 'identity_required' } });
    const old = await ask('/v1/stream', { ...BARE, 'x-outrider-protocol': '0' }, await harness.token(pod));
    expect(old.status).toBe(426);
  });

  it.each([
    ['another target', '/v1/credentials', BARE],
    ['another protocol', '/v1/nothing', { ...BARE, upgrade: 'websocket' }],
  ])('is no other: %s is answered as if no upgrade was asked for', async (_what, target, headers) => {
    server.publish(compiledOf({ app: 'shop', snapshot: shop }));
    const reply = await ask(target, headers, await harness.token(pod));
    expect(reply.status).toBe(target === '/v1/nothing' ? 404 : 200);
  });

  it('ends when its reader does, whatever that sent before', async () => {
    const stream = await harness.stream(server.address.port, await harness.token(pod), true);
    (stream.body as Socket).end('GET / HTTP/1.1\r\n\r\n');
    await until(() => stream.ended);
    await until(() => server.registry.get(pod.uid)?.connected === false);
    expect(stream.text).toBe('');
  });
});

describe.each([
  ['as curl has it', false],
  ['bare', true],
])('a reader that does not read, %s', (_form, bare) => {
  const listen = async (who = pod) => harness.stream(server.address.port, await harness.token(who));

  /** A connection whose socket is paused as soon as the response has begun. */
  async function listenDeaf(): Promise<{ hashes: () => Promise<string[]>; gone: () => boolean }> {
    const token = await harness.token(pod);
    return new Promise((resolve, reject) => {
      const hear = (body: Readable, socket: Socket) => {
        body.pause();
        socket.pause();
        let text = '';
        let gone = false;
        body.on('error', () => {});
        body.on('close', () => {
          gone = true;
        });
        resolve({
          gone: () => gone,
          hashes: async () => {
            body.setEncoding('utf8');
            body.on('data', (chunk: string) => {
              text += chunk;
            });
            socket.resume();
            body.resume();
            const last = server.registry.get(pod.uid)?.sentHash ?? '';
            await until(() => text.includes(last) || gone);
            return [...text.matchAll(/"hash":"([0-9a-f]{64})"/g)].map((match) => match[1] ?? '');
          },
        });
      };
      const request = https.get({
        host: '127.0.0.1',
        port: server.address.port,
        path: '/v1/stream',
        ca: harness.authority.ca,
        agent: false,
        headers: { authorization: `Bearer ${token}`, ...(bare && BARE) },
      });
      request.on('response', (response) => hear(response, response.socket));
      request.on('upgrade', (_response, socket) => hear(socket, socket));
      request.on('error', reject);
    });
  }

  /** Large announcements fill the kernel's buffers sooner. */
  function publish(n: number): string {
    const hash = n.toString(16).padStart(64, '0');
    const credentials = { version: `${'v'.repeat(20_000)}${n}`, credentials: [] };
    server.publish(compiledOf({ app: '*', snapshot: { version: 1, hash, items: [] }, credentials }));
    return hash;
  }

  /** Publishes new versions until the kernel takes no more for the deaf reader; returns how many. */
  async function publishUntilStuck(): Promise<number> {
    let published = 0;
    let last = -1;
    while (harness.counted.pushed !== last) {
      last = harness.counted.pushed;
      for (let n = 0; n < 50; n++) {
        publish((published += 1));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return published;
  }

  it('skips versions, delays nobody, and gets the latest once it reads', async () => {
    const deaf = await listenDeaf();
    const published = await publishUntilStuck();
    const other = harness.pods.set(podNamed('other'));
    const awake = await listen(other);
    const latest = publish(published + 1);
    await until(() => awake.hashes.at(-1) === latest);
    const received = await deaf.hashes();
    expect(received.at(-1)).toBe(latest);
    expect(received.length).toBeLessThan(published);
    expect(deaf.gone()).toBe(false);
  });

  it('is disconnected after a while, so that it starts over', async () => {
    const deaf = await listenDeaf();
    await publishUntilStuck();
    harness.clock.advance(29_000);
    expect(harness.counted.slowClosed).toBe(0);
    harness.clock.advance(2_000);
    expect(harness.counted.slowClosed).toBe(1);
    await until(() => server.registry.get(pod.uid)?.connected === false);
    await deaf.hashes();
    expect(deaf.gone()).toBe(true);
  });
});
