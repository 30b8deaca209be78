/** The sidecar of the last release, as it was released, with this operator. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compile } from '../../operator/compile/compile.ts';
import type { Contract } from '../../operator/compile/types.ts';
import type { LivePod } from '../../operator/sync/pods.ts';
import { readReport } from '../../operator/sync/report.ts';
import type { SyncServer } from '../../operator/sync/server.ts';
import type { SnapshotClient } from '../../sidecar/snapshot/client.ts';
import { snapshotHash } from '../../sidecar/snapshot/hash.ts';
import type { ConfigHolder } from '../../sidecar/snapshot/holder.ts';
import { PROTOCOL_VERSION, type Report } from '../../sidecar/snapshot/messages.ts';
import { SNAPSHOT_VERSION, type SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import { readCase } from '../operator/compile/case.ts';
import { until } from '../operator/support/manual-clock.ts';
import { Harness } from '../operator/sync/support/harness.ts';
import { podNamed } from '../operator/sync/support/pods.ts';
import { compiledOf, providerItem, routeItem, snapshotOf } from '../operator/sync/support/snapshots.ts';
import { lastRelease, recordedContract, recordedConversation, releasedSidecar } from './support/release.ts';
import { compiledScenario, scenario } from './support/scenario.ts';

const release = lastRelease();
const theirs = recordedContract(release);
const code = await releasedSidecar(release);

let harness: Harness;
let pod: LivePod;
const clients: SnapshotClient[] = [];
let older: {
  client: SnapshotClient;
  holder: ConfigHolder;
  credentials: InstanceType<typeof code.CredentialStore>;
};

beforeEach(async () => {
  harness = await Harness.create();
  pod = harness.pods.set({ ...podNamed('web-1', { app: 'tools' }), namespace: 'shop' });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
  await harness.close();
});

async function connect(server: SyncServer): Promise<void> {
  const tokenFile = path.join(harness.directory, 'token');
  writeFileSync(tokenFile, await harness.token(pod));
  const { clock, caFile } = harness;
  const credentials = new code.CredentialStore({ clock });
  const holder = new code.ConfigHolder({ credentials, clock });
  const client = new code.SnapshotClient({
    url: `https://127.0.0.1:${server.address.port}`,
    tokenFile,
    caFile,
    proxyVersion: release,
    clock,
    random: () => 0,
  });
  clients.push(client);
  older = { client, holder, credentials };
  await client.start(holder, credentials);
}

const ack = (server: SyncServer) => server.registry.get(pod.uid)?.ack;
const acknowledged = (server: SyncServer, hash: string) =>
  until(() => ack(server)?.hash === hash, `acknowledgement of ${hash.slice(0, 8)}`);

/** The version of the operator in which that sidecar is the previous one. */
const NEXT = theirs.version + 1;
const nextVersion: Contract = {
  version: NEXT,
  // What the version after it would say otherwise, and here says as before.
  previous: (item) => {
    const { place, ...rest } = item as SnapshotItem & { place?: number };
    return place === undefined ? item : rest;
  },
};

describe('what this operator compiles', () => {
  it('runs there, from the first snapshot to a route that turned invalid', async () => {
    const server = await harness.server();
    const [first, second] = compiledScenario();
    const [workload] = scenario().first.pods;
    if (!workload) throw new Error('the scenario has a workload');
    server.publish(first);
    await connect(server);
    await acknowledged(server, first.snapshotFor(workload, theirs.version).hash);
    expect(ack(server)?.exceptions).toEqual([]);
    expect(older.credentials.get('platform/vendor/main')).toBe('sk-main');
    server.publish(second);
    await acknowledged(server, second.snapshotFor(workload, theirs.version).hash);
    expect(ack(server)?.exceptions).toMatchObject([
      { id: 'route/shop/plain', state: 'Stale', runningGeneration: 1 },
    ]);
    await until(() => older.credentials.get('platform/vendor/main') === 'sk-new-main');
  });

  const GOLDEN = path.resolve(import.meta.dirname, '../operator/compile/golden');
  const CASES = readdirSync(GOLDEN).filter((file) => file.endsWith('.in.yaml'));

  it('is run or refused for a feature that it lacks, item by item, never for a field it cannot read', () => {
    const wrong: string[] = [];
    let items = 0;
    for (const file of CASES) {
      const { resources, options } = readCase(readFileSync(path.join(GOLDEN, file), 'utf8'));
      const compiled = compile(resources, options);
      for (const workload of resources.pods) {
        const holder = new code.ConfigHolder();
        const snapshot = compiled.snapshotFor(workload, theirs.version);
        const { exceptions } = holder.apply(snapshot);
        items += snapshot.items.length;
        for (const { id, reason } of exceptions) {
          const item = snapshot.items.find((each) => each.id === id);
          const lacks = item?.requires.some((name) => !theirs.features.includes(name));
          if (item?.state === 'Valid' && !(lacks && reason.startsWith('needs feature')))
            wrong.push(`${file} ${id}: ${reason}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(items).toBeGreaterThan(100);
  });
});

describe('an item of a version to come', () => {
  const serve = async (...items: SnapshotItem[]) => {
    const snapshot = snapshotOf(...items);
    const server = await harness.server();
    server.publish(compiledOf({ app: '*', snapshot: snapshotOf(providerItem(), routeItem('gpt')) }));
    await connect(server);
    await until(() => older.holder.effective?.routes[0]?.body !== undefined);
    server.publish(compiledOf({ app: '*', snapshot }));
    await acknowledged(server, snapshot.hash);
    const [route] = older.holder.effective?.routes ?? [];
    return { exceptions: ack(server)?.exceptions, runs: route?.generation };
  };
  const withHint = (generation: number, changes: object): SnapshotItem => {
    const item = routeItem('gpt', generation, changes);
    return { ...item, body: { ...item.body, hint: 1 } } as unknown as SnapshotItem;
  };

  it('that needs what it lacks is refused, and the older body is not run in its place', async () => {
    const item = withHint(2, { requires: ['match.mood'] });
    expect(await serve(providerItem(), item)).toEqual({
      exceptions: [
        {
          id: 'route/shop/gpt',
          state: 'Rejected',
          reason: 'needs feature match.mood, which this version lacks',
        },
      ],
      runs: undefined,
    });
  });

  it('with an advisory field runs without it', async () => {
    const item = withHint(2, { advisory: ['body.hint'] });
    expect(await serve(providerItem(), item)).toEqual({ exceptions: [], runs: 2 });
  });

  it('with a field that nobody calls advisory is refused, and the older body stays', async () => {
    expect(await serve(providerItem(), withHint(2, {}))).toMatchObject({
      exceptions: [{ state: 'Stale', reason: 'spec.hint is not known to this version' }],
      runs: 1,
    });
  });
});

describe('an operator one version ahead', () => {
  it('sends it the version that it reads, and others the newer one', async () => {
    const server = await harness.server({ protocol: NEXT });
    const { first, options } = scenario();
    const compiled = compile(first, { ...options, contract: nextVersion });
    server.publish(compiled);
    await connect(server);
    const [workload] = first.pods;
    if (!workload) throw new Error('the scenario has a workload');
    const [previous, newer] = [compiled.snapshotFor(workload, NEXT - 1), compiled.snapshotFor(workload)];
    await acknowledged(server, previous.hash);
    expect(ack(server)?.exceptions).toEqual([]);
    const fetched = await harness.request(server.address.port, `/v1/snapshots/${newer.hash}`, {
      token: await harness.token(pod),
      headers: { 'x-outrider-protocol': String(NEXT) },
    });
    expect(JSON.parse(fetched.body.toString())).toMatchObject({ version: NEXT, hash: newer.hash });
  });

  it('and two ahead refuses it: it keeps what it runs, until it is served again', async () => {
    const server = await harness.server();
    const snapshot = snapshotOf(providerItem(), routeItem('gpt'));
    server.publish(compiledOf({ app: '*', snapshot }));
    await connect(server);
    await acknowledged(server, snapshot.hash);
    const { port } = server.address;
    await harness.stopServer(server);
    const ahead = await harness.server({ protocol: theirs.version + 2, listen: { host: '127.0.0.1', port } });
    ahead.publish(compiledOf({ app: '*', snapshot: snapshotOf() }));
    await until(() => older.client.status().outdated, 'the refusal');
    expect(harness.counted.outdated).toContain(theirs.version);
    expect(ahead.registry.get(pod.uid)).toMatchObject({ outdated: true });
    expect(older.holder.effective?.routes[0]).toMatchObject({ id: 'route/shop/gpt', generation: 1 });
    await harness.stopServer(ahead);
    const back = await harness.server({ listen: { host: '127.0.0.1', port } });
    back.publish(compiledOf({ app: '*', snapshot }));
    // It asks seldom.
    await until(() => harness.clock.waits.includes(150_000), 'the long wait');
    harness.clock.advance(150_000);
    await until(() => back.registry.get(pod.uid)?.connected === true, 'its return');
    await until(() => !older.client.status().outdated, 'the stream');
  });
});

describe('what it posts', () => {
  const reports = recordedConversation(release)
    .steps.flatMap(({ exchanges }) => exchanges)
    .filter(({ path }) => path === '/v1/report');

  it.each(reports.map(({ request }, i) => [i, request as Report] as const))(
    '(%i) is read here',
    (_, report) => {
      expect(readReport(Buffer.from(JSON.stringify(report)))).toEqual(report);
    },
  );

  it('comes with what a version to come may add', () => {
    const more = { ...(reports[0]?.request as Report), mood: 'good' };
    expect(readReport(Buffer.from(JSON.stringify(more)))).toEqual(reports[0]?.request);
  });

  it('states the version it was released with', () => {
    const stated = new Set(reports.map(({ headers }) => headers['x-outrider-protocol']));
    expect([...stated]).toEqual([String(theirs.version)]);
    expect([PROTOCOL_VERSION, PROTOCOL_VERSION - 1]).toContain(theirs.version);
    expect([SNAPSHOT_VERSION, SNAPSHOT_VERSION - 1]).toContain(theirs.version);
  });

  it('names snapshots by hashes that are made here in the same way', () => {
    const snapshots = recordedConversation(release)
      .steps.flatMap(({ exchanges }) => exchanges)
      .filter(({ path }) => path.startsWith('/v1/snapshots/'));
    expect(snapshots).not.toEqual([]);
    for (const { body } of snapshots) {
      const { hash, items } = body as { hash: string; items: SnapshotItem[] };
      expect(snapshotHash(items)).toBe(hash);
    }
  });
});
