import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LivePod } from '../../../operator/sync/pods.ts';
import type { SyncServer } from '../../../operator/sync/server.ts';
import { LastKnownGood } from '../../../sidecar/snapshot/last-known-good.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { until } from '../support/manual-clock.ts';
import { testAuthority } from './support/certificates.ts';
import { Harness, type Sidecar } from './support/harness.ts';
import { podNamed } from './support/pods.ts';
import { compiledOf, invalidRoute, keys, providerItem, routeItem, snapshotOf } from './support/snapshots.ts';

const KEY = 'shop/openai/main';
const shop = snapshotOf(providerItem(), routeItem('gpt'));

let harness: Harness;
let pod: LivePod;

beforeEach(async () => {
  harness = await Harness.create();
  pod = harness.pods.set(podNamed('web', { app: 'shop' }));
});
afterEach(() => harness.close());

function publish(server: SyncServer, snapshot: Snapshot, values: Record<string, string> = {}): void {
  server.publish(compiledOf({ app: '*', snapshot, credentials: keys(values) }));
}

function acknowledged(server: SyncServer, { hash }: Snapshot, uid = pod.uid): Promise<void> {
  return until(() => server.registry.get(uid)?.ack?.hash === hash, `acknowledgement of ${hash.slice(0, 8)}`);
}

function generations(sidecar: Sidecar): Record<string, number | undefined> {
  const routes = sidecar.holder.effective?.routes ?? [];
  return Object.fromEntries(routes.map(({ id, generation }) => [id, generation]));
}

describe('a configuration change', () => {
  it('reaches the sidecar with its keys and is acknowledged', async () => {
    const server = await harness.server();
    publish(server, shop, { [KEY]: 'sk-1' });
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, shop);
    expect(sidecar.holder.effective?.routes.map(({ id }) => id)).toEqual(['route/shop/gpt']);
    expect(sidecar.credentials.get(KEY)).toBe('sk-1');
    expect(sidecar.holder.status()).toMatchObject({ origin: 'Live', degraded: false, hash: shop.hash });
    expect(sidecar.client.status()).toEqual({ connected: true, outdated: false, problem: undefined });
    expect(server.registry.get(pod.uid)).toMatchObject({
      connected: true,
      sentHash: shop.hash,
      proxyVersion: '0.1.0-test',
      ack: { credentialsVersion: keys({ [KEY]: 'sk-1' }).version, exceptions: [] },
    });
  });

  it('reaches it without a new stream, and only the latest of a burst is swapped in', async () => {
    const server = await harness.server();
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, shop);
    const versions = Array.from({ length: 50 }, (_, n) => snapshotOf(routeItem('gpt', n + 2)));
    for (const version of versions) publish(server, version);
    const last = versions.at(-1) as Snapshot;
    await acknowledged(server, last);
    expect(generations(sidecar)).toEqual({ 'route/shop/gpt': 51 });
    expect(sidecar.swaps.length).toBeLessThan(10);
    expect(harness.counted.connected).toBe(1);
  });

  it('keeps the keys of a new route ahead of it, and drops withdrawn ones after', async () => {
    const server = await harness.server();
    publish(server, shop, { [KEY]: 'sk-1' });
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, shop);
    const seen: (string | undefined)[][] = [];
    sidecar.holder.onChange(() => {
      seen.push([sidecar.credentials.get(KEY), sidecar.credentials.get('shop/other/main')]);
    });
    const next = snapshotOf(providerItem('other'), routeItem('gpt', 2));
    publish(server, next, { 'shop/other/main': 'sk-2' });
    await acknowledged(server, next);
    expect(seen).toEqual([['sk-1', 'sk-2']]);
    expect(sidecar.credentials.get(KEY)).toBeUndefined();
    expect(sidecar.credentials.previous(KEY)).toBeUndefined();
  });

  it('rotates a key without touching what runs', async () => {
    const server = await harness.server();
    publish(server, shop, { [KEY]: 'sk-old' });
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, shop);
    const running = sidecar.holder.effective;
    let missing = 0;
    const watch = setInterval(() => void (missing += sidecar.credentials.has(KEY) ? 0 : 1), 0);
    publish(server, shop, { [KEY]: 'sk-new' });
    await until(() => sidecar.credentials.get(KEY) === 'sk-new');
    clearInterval(watch);
    expect(missing).toBe(0);
    expect(sidecar.credentials.previous(KEY)).toBe('sk-old');
    expect(sidecar.holder.effective).toBe(running);
    const { version } = keys({ [KEY]: 'sk-new' });
    await until(() => server.registry.get(pod.uid)?.ack?.credentialsVersion === version);
    harness.clock.advance(120_000);
    expect(sidecar.credentials.previous(KEY)).toBeUndefined();
  });

  it('shows two pods only what is theirs', async () => {
    const server = await harness.server();
    const desk = snapshotOf(providerItem('vendor'), routeItem('desk'));
    const clerk = harness.pods.set(podNamed('clerk', { app: 'desk' }));
    server.publish(
      compiledOf(
        { app: 'shop', snapshot: shop, credentials: keys({ [KEY]: 'sk-shop' }) },
        { app: 'desk', snapshot: desk, credentials: keys({ 'shop/vendor/main': 'sk-desk' }) },
      ),
    );
    const [mine, others] = await Promise.all([
      harness.sidecar(pod, server.address.port),
      harness.sidecar(clerk, server.address.port),
    ]);
    await acknowledged(server, shop);
    await acknowledged(server, desk, clerk.uid);
    expect(mine.credentials.current().credentials).toEqual([{ id: KEY, value: 'sk-shop' }]);
    expect(others.credentials.current().credentials).toEqual([{ id: 'shop/vendor/main', value: 'sk-desk' }]);
    expect(Object.keys(generations(mine))).toEqual(['route/shop/gpt']);
    expect(Object.keys(generations(others))).toEqual(['route/shop/desk']);

    harness.pods.set({ ...clerk, labels: { app: 'shop' } });
    await acknowledged(server, shop, clerk.uid);
    expect(others.credentials.current().credentials).toEqual([{ id: KEY, value: 'sk-shop' }]);
    expect(Object.keys(generations(others))).toEqual(['route/shop/gpt']);
  });

  it('reaches twenty sidecars, each by one announcement', async () => {
    const server = await harness.server();
    publish(server, shop);
    const pods = Array.from({ length: 20 }, (_, n) => harness.pods.set(podNamed(`many-${n}`)));
    const sidecars = await Promise.all(pods.map((each) => harness.sidecar(each, server.address.port)));
    await Promise.all(pods.map(({ uid }) => acknowledged(server, shop, uid)));
    const before = harness.counted.pushed;
    const next = snapshotOf(providerItem(), routeItem('gpt', 2));
    publish(server, next);
    await Promise.all(pods.map(({ uid }) => acknowledged(server, next, uid)));
    expect(sidecars.map(generations)).toEqual(sidecars.map(() => ({ 'route/shop/gpt': 2 })));
    expect(harness.counted.pushed - before).toBe(20);
    expect(harness.counted.acknowledged).toHaveLength(40);
  });

  it('with one bad item changes all the others, and the bad one is named', async () => {
    const server = await harness.server();
    const before = snapshotOf(routeItem('gpt'), routeItem('claude'), routeItem('old'));
    publish(server, before);
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, before);
    const after = snapshotOf(
      routeItem('gpt', 2),
      invalidRoute('claude', 2, 'rule all has no target'),
      routeItem('future', 1, { requires: ['time.travel'] }),
      invalidRoute('new', 1, 'pattern is not RE2'),
    );
    publish(server, after);
    await acknowledged(server, after);
    expect(server.registry.get(pod.uid)?.ack?.exceptions).toEqual([
      { id: 'route/shop/claude', state: 'Stale', runningGeneration: 1, reason: 'rule all has no target' },
      {
        id: 'route/shop/future',
        state: 'Rejected',
        reason: 'needs feature time.travel, which this version lacks',
      },
      { id: 'route/shop/new', state: 'Rejected', reason: 'pattern is not RE2' },
    ]);
    expect(generations(sidecar)).toEqual({
      'route/shop/gpt': 2,
      'route/shop/claude': 1,
      'route/shop/future': undefined,
      'route/shop/new': undefined,
    });
  });
});

describe('identity', () => {
  it('is renewed from the token file when the token expires, without losing anything', async () => {
    const server = await harness.server();
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port, {}, await harness.token(pod, 10_000));
    await acknowledged(server, shop);
    const since = server.registry.get(pod.uid)?.connectedSince;
    harness.clock.advance(9_000);
    writeFileSync(sidecar.tokenFile, await harness.token(pod));
    harness.clock.advance(2_000);
    await until(() => (server.registry.get(pod.uid)?.connectedSince ?? 0) > (since ?? 0), 'a new stream');
    const next = snapshotOf(routeItem('gpt', 2));
    publish(server, next);
    await acknowledged(server, next);
    expect(harness.counted.slowClosed).toBe(0);
    expect(sidecar.swaps).toEqual([shop.hash, next.hash]);
  });

  it('lost with the pod leaves the sidecar with what it runs', async () => {
    const server = await harness.server();
    publish(server, shop, { [KEY]: 'sk-1' });
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, shop);
    harness.pods.delete(pod.uid);
    await until(() => !sidecar.client.status().connected);
    for (let n = 0; n < 3; n++) {
      await until(() => harness.pods.listeners > 1);
      harness.clock.advance(2_000);
    }
    await until(() => harness.counted.refused.length > 0);
    expect(new Set(harness.counted.refused)).toEqual(new Set(['PodUnknown']));
    expect(generations(sidecar)).toEqual({ 'route/shop/gpt': 1 });
    expect(sidecar.credentials.get(KEY)).toBe('sk-1');
  });
});

describe('replicas', () => {
  it('all stream; reports go to the one that leads', async () => {
    const leader = await harness.server();
    const follower = await harness.server({
      isLeader: () => false,
      leaderAddress: () => `127.0.0.1:${leader.address.port}`,
    });
    publish(leader, shop);
    publish(follower, shop);
    await harness.sidecar(pod, follower.address.port);
    await acknowledged(leader, shop);
    expect(follower.registry.get(pod.uid)).toMatchObject({ connected: true, ack: undefined });
    expect(leader.registry.get(pod.uid)).toMatchObject({ connected: true, sentHash: shop.hash });
  });

  it('follow a takeover with their reports alone, spread over 5 s', async () => {
    let leads = 'first';
    const servers = new Map<string, SyncServer>();
    const leaderAddress = () => `127.0.0.1:${servers.get(leads)?.address.port}`;
    for (const name of ['first', 'second', 'third']) {
      servers.set(name, await harness.server({ isLeader: () => leads === name, leaderAddress }));
    }
    const [first, second, third] = [...servers.values()] as [SyncServer, SyncServer, SyncServer];
    for (const server of servers.values()) publish(server, shop);
    const sidecar = await harness.sidecar(pod, third.address.port, { random: () => 0.5 });
    await acknowledged(first, shop);
    leads = 'second';
    const next = snapshotOf(routeItem('gpt', 2));
    for (const server of servers.values()) publish(server, next);
    await until(() => sidecar.holder.hash === next.hash);
    await until(() => harness.clock.waits.includes(2_500), 'the spread of the takeover');
    expect(second.registry.list()).toEqual([]);
    // News meanwhile does not hurry anyone.
    const latest = snapshotOf(routeItem('gpt', 3));
    for (const server of servers.values()) publish(server, latest);
    await until(() => sidecar.holder.hash === latest.hash);
    expect(harness.clock.waits).toContain(2_500);
    expect(second.registry.list()).toEqual([]);
    harness.clock.advance(2_500);
    await acknowledged(second, latest);
    expect(sidecar.client.status().connected).toBe(true);
    expect(third.registry.get(pod.uid)?.connectedSince).toBe(0);
  });

  it('that lead without anyone knowing are found again through the service', async () => {
    let leaderPort = 0;
    let isLeader = false;
    const service = await harness.server({
      isLeader: () => isLeader,
      leaderAddress: () => (leaderPort === 0 ? undefined : `127.0.0.1:${leaderPort}`),
    });
    const leader = await harness.server();
    leaderPort = leader.address.port;
    publish(service, shop);
    publish(leader, shop);
    await harness.sidecar(pod, service.address.port);
    await acknowledged(leader, shop);
    await harness.stopServer(leader);
    isLeader = true;
    const next = snapshotOf(routeItem('gpt', 2));
    publish(service, next);
    await acknowledged(service, next);
    expect(service.registry.get(pod.uid)).toMatchObject({ connected: true, sentHash: next.hash });
  });

  it('cannot send a report, and the token in it, to someone who is not the operator', async () => {
    const thief = await harness.server({}, 'thief.test');
    let asked = 0;
    const server = await harness.server({
      isLeader: () => false,
      leaderAddress: () => {
        asked += 1;
        return `127.0.0.1:${thief.address.port}`;
      },
    });
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port);
    await until(() => asked > 1 && (sidecar.client.status().problem ?? '').startsWith('report:'));
    expect(sidecar.client.status().problem).toMatch(/does not match certificate|altnames/);
    expect(thief.registry.list()).toEqual([]);
  });

  it.each([
    ['https://evil.test:1/', 'an address with a path'],
    ['evil.test', 'no port'],
    ['user:pass@evil.test:1', 'credentials in it'],
    ['evil.test:99999', 'a port that is none'],
  ])('that name %s as leader are not followed', async (address) => {
    let asked = 0;
    const server = await harness.server({
      isLeader: () => false,
      leaderAddress: () => {
        asked += 1;
        return address;
      },
    });
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port);
    await until(() => asked > 2 && sidecar.holder.hash === shop.hash);
    await until(() => sidecar.client.status().problem !== undefined);
    expect(sidecar.client.status().problem).toContain('not the leader and knows none');
  });
});

describe('versions', () => {
  it('one apart talk', async () => {
    const server = await harness.server({ protocol: 2 });
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port, { protocol: 1 });
    await acknowledged(server, shop);
    expect(sidecar.holder.hash).toBe(shop.hash);
    const newer = await harness.sidecar(harness.pods.set(podNamed('newer')), server.address.port, {
      protocol: 3,
    });
    await acknowledged(server, shop, newer.pod.uid);
  });

  it('two apart do not: the sidecar keeps what it runs and asks seldom', async () => {
    const server = await harness.server({ protocol: 3 });
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port, { protocol: 1 });
    await until(() => sidecar.client.status().outdated);
    expect(harness.counted.outdated).toEqual([1]);
    expect(server.registry.get(pod.uid)).toMatchObject({ outdated: true, connected: false });
    await until(() => harness.clock.waits.includes(150_000), 'the long wait');
    harness.clock.advance(149_000);
    expect(harness.counted.outdated).toEqual([1]);
    harness.clock.advance(1_000);
    await until(() => harness.counted.outdated.length === 2);
  });

  it('of an operator that is too old are refused by the sidecar', async () => {
    const server = await harness.server({ protocol: 1 });
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port, { protocol: 3 });
    await until(() => sidecar.client.status().problem !== undefined);
    expect(sidecar.client.status().problem).toContain('older than this sidecar understands');
    expect(sidecar.holder.effective).toBeUndefined();
  });
});

describe('the authority', () => {
  it('is trusted anew when its file changes', async () => {
    const successor = await testAuthority();
    const server = await harness.server();
    publish(server, shop);
    const sidecar = await harness.sidecar(pod, server.address.port);
    await acknowledged(server, shop);
    const moved = await harness.server({ tls: await successor.issue('127.0.0.1') });
    publish(moved, shop);
    const stranger = await harness.sidecar(harness.pods.set(podNamed('stranger')), moved.address.port);
    await until(() => (stranger.client.status().problem ?? '').includes('certificate'));
    expect(stranger.holder.effective).toBeUndefined();
    writeFileSync(harness.caFile, `${harness.authority.ca}\n${successor.ca}`);
    await acknowledged(moved, shop, stranger.pod.uid);
    expect(sidecar.client.status().connected).toBe(true);
  });
});

describe('a restart', () => {
  const memory = () =>
    new LastKnownGood({ directory: harness.directory, clock: harness.clock, inMemory: yes });
  const disk = () => new LastKnownGood({ directory: harness.directory, clock: harness.clock, inMemory: no });
  const yes = () => Promise.resolve(true);
  const no = () => Promise.resolve(false);

  it('without an operator goes on with the last known good, keys included', async () => {
    const server = await harness.server();
    const before = snapshotOf(routeItem('gpt'), routeItem('claude'));
    publish(server, before, { [KEY]: 'sk-1' });
    const first = await harness.sidecar(pod, server.address.port, { lastKnownGood: memory() });
    await acknowledged(server, before);
    const latest = snapshotOf(routeItem('gpt', 2), invalidRoute('claude', 2, 'no target'));
    publish(server, latest, { [KEY]: 'sk-1' });
    await acknowledged(server, latest);
    await first.client.stop();
    const { port } = server.address;
    await harness.stopServer(server);

    harness.clock.advance(60_000);
    const second = await harness.sidecar(pod, port, { lastKnownGood: memory() });
    expect(generations(second)).toEqual({ 'route/shop/gpt': 2, 'route/shop/claude': 1 });
    expect(second.credentials.get(KEY)).toBe('sk-1');
    expect(second.holder.status()).toMatchObject({
      origin: 'LastKnownGood',
      degraded: true,
      hash: latest.hash,
      ageMs: 60_000,
    });

    const revived = await harness.server({ listen: { host: '127.0.0.1', port } });
    publish(revived, latest, { [KEY]: 'sk-1' });
    await until(() => !second.holder.status().degraded);
    await acknowledged(revived, latest);
    expect(second.swaps).toEqual([latest.hash]);
    expect(revived.registry.get(pod.uid)?.ack?.exceptions).toEqual([
      { id: 'route/shop/claude', state: 'Stale', runningGeneration: 1, reason: 'no target' },
    ]);
  });

  it('finds no keys on a disk', async () => {
    const server = await harness.server();
    publish(server, shop, { [KEY]: 'sk-on-no-disk' });
    const first = await harness.sidecar(pod, server.address.port, { lastKnownGood: disk() });
    await acknowledged(server, shop);
    await first.client.stop();
    const file = path.join(harness.directory, 'last-known-good.json');
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, 'utf8')).not.toContain('sk-on-no-disk');
    const { port } = server.address;
    await harness.stopServer(server);
    const second = await harness.sidecar(pod, port, { lastKnownGood: disk() });
    expect(generations(second)).toEqual({ 'route/shop/gpt': 1 });
    expect(second.credentials.has(KEY)).toBe(false);
  });
});
