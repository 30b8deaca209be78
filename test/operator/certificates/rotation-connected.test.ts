/**
 * A whole rotation under sidecars that stay: real TLS, the real snapshot client, two replicas, and files that reach each sidecar
 * late. TLS checks certificates by the true time, so lives are such that every certificate in use is valid today as well.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { bundleHash } from '../../../operator/certificates/certificates.ts';
import { fleetTrust } from '../../../operator/certificates/fleet-trust.ts';
import type { SelfIssuedOptions } from '../../../operator/certificates/self-issued.ts';
import type { SyncServer } from '../../../operator/sync/server.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { Harness, type Sidecar } from '../sync/support/harness.ts';
import { podNamed } from '../sync/support/pods.ts';
import { compiledOf, routeItem, snapshotOf } from '../sync/support/snapshots.ts';
import { Replicas, type TestReplica } from './support/replicas.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LIFETIMES = { authorityMs: 30 * HOUR, servingMs: 27 * HOUR };

let api: ApiServer;
let harness: Harness;
let replicas: Replicas;

beforeEach(async () => {
  api = await startApiServer({ crds: [] });
  harness = await Harness.create();
  replicas = new Replicas(api.kubeconfig(), new ManualClock(Date.now() - 20.5 * HOUR));
  await replicas.createNamespace();
});

afterEach(async () => {
  await harness.close();
  await replicas.stop();
  await api.close();
});

interface Served {
  server: SyncServer;
  replica: TestReplica;
}

class Fleet {
  readonly sidecars: (Sidecar & { caFile: string; warnings: string[] })[] = [];
  readonly handshakes = { done: 0, failed: [] as string[] };
  /** Event streams ever opened. */
  opened = 0;
  #generation = 0;

  async serve(leader: Served | undefined, options: Partial<SelfIssuedOptions>): Promise<Served> {
    let open = 0;
    const connected = (count: number) => {
      if (count > open) this.opened += 1;
      open = count;
    };
    const server = await harness.server({
      tls: undefined,
      metrics: { ...harness.metrics, connected },
      isLeader: () => leader === undefined,
      leaderAddress: () => leader && `127.0.0.1:${leader.server.address.port}`,
    });
    return { server, replica: this.follow(server, options) };
  }

  follow(server: SyncServer, options: Partial<SelfIssuedOptions>): TestReplica {
    const replica = replicas.start({ lifetimes: LIFETIMES, ...options });
    replica.certificates.serving.subscribe((certificate) => server.setCertificate(certificate));
    return replica;
  }

  /** A pod that starts with this bundle in its file. */
  async start(name: string, bundle: string, port: number): Promise<void> {
    const caFile = path.join(harness.directory, `ca-${name}.pem`);
    writeFileSync(caFile, bundle);
    const warnings: string[] = [];
    const log = {
      info() {},
      error() {},
      warn: (fields: object) => void warnings.push(JSON.stringify(fields)),
    };
    // Time jumps here while answers are on their way; only what really fails may fail.
    const patience = { requestMs: HOUR, idleMs: HOUR };
    const sidecar = await harness.sidecar(harness.pods.set(podNamed(name)), port, {
      caFile,
      log,
      ...patience,
    });
    this.sidecars.push({ ...sidecar, caFile, warnings });
  }

  /** The kubelet brings a new file. */
  mount(index: number, bundle: string): void {
    writeFileSync(this.sidecars[index]?.caFile ?? '', bundle);
  }

  /** Every sidecar, with the file it has now, opens a connection to every replica, as after a reset. */
  async reconnect(...servers: SyncServer[]): Promise<void> {
    for (const { caFile, pod } of this.sidecars) {
      const ca = readFileSync(caFile, 'utf8');
      for (const { address } of servers) {
        const problem = await handshake(address.port, ca);
        this.handshakes.done += 1;
        if (problem) this.handshakes.failed.push(`${pod.name}: ${problem}`);
      }
    }
  }

  /** A new configuration reaches all of them. */
  async configure(...servers: SyncServer[]): Promise<void> {
    const snapshot = snapshotOf(routeItem('gpt', (this.#generation += 1)));
    for (const server of servers) server.publish(compiledOf({ app: '*', snapshot }));
    await until(
      () => this.sidecars.every(({ holder }) => holder.hash === snapshot.hash),
      'the configuration',
    );
  }

  /** Time in which sidecars read their files again and report, and the open streams live on. */
  async report(leader: SyncServer): Promise<void> {
    const known = () =>
      this.sidecars.every(
        ({ pod, caFile }) =>
          leader.registry.get(pod.uid)?.trustBundle === bundleHash(readFileSync(caFile, 'utf8')),
      );
    await until(() => {
      harness.clock.advance(1_000);
      return known();
    }, 'everyone to say whom they trust');
  }
}

function handshake(port: number, ca: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca }, () => {
      resolve(undefined);
      socket.destroy();
    });
    socket.on('error', (error) => resolve(error.message));
  });
}

async function pass(ms: number, ...running: TestReplica[]): Promise<void> {
  replicas.clock.advance(ms);
  for (const { certificates } of running) certificates.look();
  await Promise.all(running.map(({ certificates }) => certificates.queue.idle()));
}

const inState = (state: string) => until(async () => (await replicas.state()) === state, `state ${state}`);

it('loses no connection and no configuration, however late each sidecar learns whom to trust', async () => {
  const fleet = new Fleet();
  const trust: Partial<SelfIssuedOptions> = {
    fleet: (bundle) =>
      fleetTrust(
        fleet.sidecars.map(({ pod }) => pod.uid),
        (uid) => first.server.registry.get(uid),
        bundleHash(bundle),
      ),
  };
  const first: Served = await fleet.serve(undefined, trust);
  const second = await fleet.serve(first, { isLeader: () => false });
  const servers = [first.server, second.server];
  let leader = first.replica;
  const everyone = () => [leader, second.replica];
  await until(() => everyone().every(({ served }) => served.length === 1), 'the first certificate');
  const bundle = leader.bundles[0] as string;
  const ports = servers.map(({ address }) => address.port);
  for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
    await fleet.start(name, bundle, ports[index % 2] as number);
  }
  const step = async () => {
    await fleet.reconnect(...servers);
    await fleet.configure(...servers);
    await fleet.report(first.server);
  };
  await step();

  // The serving certificate is renewed; nobody has to learn anything.
  await pass(18.2 * HOUR, leader);
  await until(() => everyone().every(({ served }) => served.length === 2), 'the renewed certificate');
  await step();

  // A successor is introduced, and published; a and b learn of it, c and d do not yet.
  await pass(1.9 * HOUR, leader);
  await inState('Introducing');
  const both = (await until(() => leader.bundles.length === 2), leader.bundles[1] as string);
  fleet.mount(0, both);
  fleet.mount(1, both);
  await step();
  for (let n = 0; n < 12; n++) await pass(MINUTE, leader);
  expect(await replicas.state()).toBe('Introducing');

  // The leading process is replaced in the middle of it.
  await leader.stop();
  leader = fleet.follow(first.server, trust);
  await until(() => leader.bundles.length === 1);
  fleet.mount(2, both);
  await step();
  for (let n = 0; n < 3; n++) await pass(MINUTE, leader);
  expect(await replicas.state()).toBe('Introducing');

  // The last one learns of it: from now on the new authority signs, and whoever starts now trusts it too.
  fleet.mount(3, both);
  await step();
  const served = second.replica.served.length;
  for (let n = 0; n < 3; n++) await pass(MINUTE, leader);
  await inState('Retiring');
  await until(() => second.replica.served.length === served + 1, 'the follower to follow');
  await fleet.start('e', both, ports[1] as number);
  await step();
  expect(await handshake(ports[0] as number, bundle)).toMatch(/unable to verify|self.signed|issuer/);

  // Nothing is left that the old one signed; half of the files are late again.
  await pass(10 * HOUR, leader);
  await pass(0, leader);
  await inState('Stable');
  await until(() => leader.bundles.at(-1) === both.slice(bundle.length));
  fleet.mount(0, leader.bundles.at(-1) as string);
  fleet.mount(4, leader.bundles.at(-1) as string);
  await step();

  expect(fleet.handshakes).toEqual({ done: 5 * 8 + 2 * 10, failed: [] });
  for (const { pod, warnings, client } of fleet.sidecars) {
    expect({ pod: pod.name, warnings, status: client.status() }).toMatchObject({
      warnings: [],
      status: { connected: true, problem: undefined },
    });
  }
  // Nobody's stream was opened a second time.
  expect(fleet.opened).toBe(5);
});
