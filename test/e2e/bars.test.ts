/**
 * What is promised in figures, measured in the cluster: how fast a change is live in many pods, and that no request of an app fails
 * while the operator restarts, leadership moves, and certificates and keys are rotated; all of it with budgets in force.
 *
 * `E2E_PODS`, `E2E_CHANGES` and `E2E_LOAD` (questions a second) fit it to the machine.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, linesOf, type Manifest } from './support/cluster.ts';
import { kubectl } from './support/command.ts';
import { eventually } from './support/eventually.ts';
import { figure, quantile } from './support/figures.ts';
import { type Installation, install, RELEASE, SYSTEM } from './support/installation.ts';
import { ageServing, introduceAuthority, readKeyring, retireAuthority } from './support/keyring.ts';
import { app, idlers } from './support/manifests.ts';
import {
  isProgrammed,
  killPod,
  LEASE,
  leader,
  operatorPods,
  operatorReady,
  PREFER_NORTH,
  Stage,
} from './support/stage.ts';
import { tellingFailures } from './support/steps.ts';

const PODS = Number(process.env.E2E_PODS ?? 50);
const CHANGES = Number(process.env.E2E_CHANGES ?? 100);
const LOAD = Number(process.env.E2E_LOAD ?? 50);
/** Load goes on for so long after the last thing was done to the operator. */
const CALM_MS = 10_000;

let cluster: Cluster;
let stage: Stage;
let installation: Installation | undefined;
let replicas = 0;
/** Nano-USD of a question of `buyer`, which asks the same again and again: answered whole, and as a stream. */
const price = { whole: 0n, stream: 0n };
/** Questions of `buyer` under load, all of which were answered. */
const asked = { whole: 0, stream: 0 };

beforeAll(async () => {
  cluster = await Cluster.open();
  stage = new Stage(cluster);
  await stage.build();
  installation = await install({ credentials: stage.namespace });
  replicas = (await operatorPods(cluster)).length;
  await stage.optIn();
  await stage.offer();
  // As whoever sends so many requests through it would.
  const annotations = { 'outrider.dev/cpu-request': '100m' };
  await cluster.apply(stage.namespace, [app('shop', { annotations }), app('buyer', { annotations })]);
  await stage.limit();
  await stage.available('shop');
  await stage.available('buyer');
});
afterAll(async () => {
  await installation?.uninstall();
  await stage?.strike();
  cluster?.close();
});

describe('bars', () => {
  tellingFailures(() => [stage.namespace]);

  test(`a change of a route runs in ${PODS} pods within a second`, { timeout: 900_000 }, async () => {
    await cluster.apply(stage.namespace, [idlers('fleet', PODS - 2)]);
    await stage.available('fleet', 600_000);
    // Numbers alone are written once a minute.
    await eventually(`${PODS} sidecars run it`, 120_000, async () => {
      const { status } = await cluster.get(stage.routePath);
      return status.proxies?.programmed === PODS && status.proxies.expected === PODS;
    });
    const taken: number[] = [];
    for (let change = 1; change <= CHANGES; change++) {
      const target = `change-${change}`;
      const { took, route } = await changeOfRoute(target);
      taken.push(took);
      expect(route.status.proxies).toMatchObject({ expected: PODS, programmed: PODS });
      // Programmed is no promise but a fact: the very next request is answered by it.
      expect(await stage.ask('shop')).toMatchObject({ ok: true, target });
      await delay(50 + Math.random() * 400);
    }
    const p99 = quantile(taken, 0.99);
    figure('milliseconds from a change of a route until Programmed is seen', {
      pods: PODS,
      changes: CHANGES,
      p50: Math.round(quantile(taken, 0.5)),
      p95: Math.round(quantile(taken, 0.95)),
      p99: Math.round(p99),
      most: Math.round(Math.max(...taken)),
    });
    expect(p99).toBeLessThanOrEqual(1000);
  });

  test('what a request costs is told', { timeout: 350_000 }, async () => {
    await hasLease('buyer');
    price.whole = await spentBy('buyer', (nanoUsd) => nanoUsd > 0n);
    const stream = await cluster.call(stage.door(await stage.pod('buyer'), 8080, '/stream'), {
      method: 'POST',
      body: { text: 'Hello' },
    });
    let last = '';
    for await (const line of linesOf(stream)) last = line;
    expect(JSON.parse(last)).toMatchObject({ finish: 'stop' });
    price.stream = (await spentBy('buyer', (nanoUsd) => nanoUsd > price.whole)) - price.whole;
  });

  test('no request fails while the operator is rolled', () =>
    underLoad('rolling restart of the operator', async () => {
      await kubectl(['rollout', 'restart', `deployment/${RELEASE}`, '-n', SYSTEM]);
      await kubectl(['rollout', 'status', `deployment/${RELEASE}`, '-n', SYSTEM, '--timeout=150s']);
      await operatorReady(cluster, replicas);
    }));

  test('no request fails while another replica takes over', () =>
    underLoad('takeover from a killed leader', async () => {
      const before = await leader(cluster);
      await killPod(cluster, podOf(before));
      await takenOver('seconds until another replica led after one was killed', before);
    }));

  test('no request fails while a leader that lost its Lease is replaced', () =>
    underLoad('takeover from a leader that lost its Lease', async () => {
      const before = await leader(cluster);
      const restarts = async () => {
        const pods = await operatorPods(cluster);
        const pod = pods.find(({ metadata }) => metadata.name === podOf(before));
        return pod?.status.containerStatuses[0].restartCount as number;
      };
      const restartsBefore = await restarts();
      // As if nobody had heard of it for long: a holder that never says a word stands between it and the next.
      await cluster.patch(LEASE, { spec: { holderIdentity: SILENT_HOLDER } });
      await takenOver('seconds until another replica led after the Lease was lost', SILENT_HOLDER, before);
      await eventually(
        'who lost the Lease has ended',
        30_000,
        async () => (await restarts()) > restartsBefore,
      );
    }));

  test('no request fails while keys are rotated', () =>
    underLoad('rotation of a key', async () => {
      await stage.accept('north', ['sk-north-1', 'sk-north-2']);
      const began = performance.now();
      await stage.rotateKey('north', 'sk-north-2');
      await eventually('only the new key is used', 60_000, async () => {
        await stage.forget('north');
        await delay(500);
        return !('sk-north-1' in (await stage.seen('north')));
      });
      figure(
        'seconds until a rotated key is the only one used',
        ((performance.now() - began) / 1000).toFixed(1),
      );
      await stage.accept('north', ['sk-north-2']);
    }));

  test('no request fails while certificates and their authority are rotated', { timeout: 600_000 }, () =>
    underLoad('rotation of the certificate and of the authority', async () => {
      const aged = await ageServing(cluster, 61);
      await eventually('the certificate is renewed', 60_000, async () => {
        return (await readKeyring(cluster)).serving.notAfter > aged.serving.notAfter;
      });
      await changeOfRoute('renewed');
      const introduced = await introduceAuthority(cluster, 11);
      const began = performance.now();
      const promoted = await eventually('the next authority signs', 300_000, async () => {
        const keyring = await readKeyring(cluster);
        return keyring.state === 'Retiring' && keyring;
      });
      figure(
        'seconds until all sidecars trusted the next authority',
        ((performance.now() - began) / 1000).toFixed(1),
      );
      expect(introduced.state === 'Introducing' && introduced.next.cert).toBe(promoted.signer.cert);
      await changeOfRoute('promoted');
      await retireAuthority(cluster);
      await eventually('the old authority is trusted no more', 60_000, async () => {
        return (await readKeyring(cluster)).state === 'Stable';
      });
      await changeOfRoute('retired');
      // The API server trusts the new authority too: a pod can be made.
      await cluster.apply(stage.namespace, [app('late')]);
      await stage.available('late');
      await stage.answersFrom('late', 'retired');
    }),
  );

  test('every request under load was counted, and none twice', { timeout: 200_000 }, async () => {
    const [whole, streams] = [asked.whole + 1, asked.stream + 1];
    const spent = price.whole * BigInt(whole) + price.stream * BigInt(streams);
    expect(await spentBy('buyer', (nanoUsd) => nanoUsd >= spent)).toBe(spent);
    figure('US dollars that the operator counted', { whole, streams, spent: Number(spent) / 1e9 });
  });

  test('a stream of a minute survives a rolling update of its app', { timeout: 300_000 }, async () => {
    const annotations = { 'outrider.dev/termination-grace': '3m' };
    await cluster.apply(stage.namespace, [app('talker', { annotations })]);
    await stage.available('talker');
    await hasLease('talker');
    const old = await stage.pod('talker');
    expect(old.spec.terminationGracePeriodSeconds).toBe(180);
    const began = performance.now();
    const stream = await cluster.call(stage.door(old, 8080, '/stream'), {
      method: 'POST',
      body: { text: 'words=120 pace=2' },
    });
    const lines = linesOf(stream);
    await lines.next();
    await cluster.apply(stage.namespace, [
      app('talker', { annotations: { ...annotations, 'example.com/release': '2' } }),
    ]);
    await eventually('the old pod is told to end', 60_000, async () => {
      const found = await cluster.find(stage.path('pods', old.metadata.name));
      return found?.metadata.deletionTimestamp !== undefined;
    });
    const told = performance.now();
    // The sidecar serves on while the app lives: also what it begins only now.
    const during = await cluster
      .json(stage.door(old, 8080, '/ask'), { method: 'POST', body: {} })
      .catch(String);
    let last = '';
    for await (const line of lines) last = line;
    expect(JSON.parse(last)).toEqual({ chunks: 120, finish: 'stop' });
    figure(
      'seconds of a stream after its pod was told to end',
      ((performance.now() - told) / 1000).toFixed(1),
    );
    expect(performance.now() - began).toBeGreaterThan(50_000);
    expect(during).toMatchObject({ ok: true });
    await eventually('the old pod is gone', 30_000, async () => {
      return !(await cluster.find(stage.path('pods', old.metadata.name)));
    });
  });
});

/** @returns the route whose status says that the change runs everywhere, and milliseconds from the request until it was seen */
async function changeOfRoute(target: string): Promise<{ took: number; route: Manifest }> {
  const changes = await cluster.changes(stage.routePath.replace(/\/[^/]+$/, ''));
  const began = performance.now();
  const changed = await stage.reroute([
    { name: target, vendor: 'north' },
    { name: 'spare', vendor: 'south', priority: 1 },
  ]);
  const generation = generationOf(changed);
  for await (const route of changes) {
    if (generationOf(route) >= generation && isProgrammed(route))
      return { took: performance.now() - began, route };
  }
  throw new Error(`the watch ended before ${target} was programmed`);
}

const SILENT_HOLDER = 'nobody-who-speaks_0';
/** Name of the pod in the identity of a leader. */
const podOf = (holder: string): string => holder.replace(/_.*/, '');

async function takenOver(name: string, ...not: readonly string[]): Promise<void> {
  const began = performance.now();
  await eventually(
    'another replica leads',
    90_000,
    async () => !['', ...not].includes(await leader(cluster)),
  );
  figure(name, ((performance.now() - began) / 1000).toFixed(1));
  await operatorReady(cluster, replicas);
}

/** A fresh pod has no lease: where the machine is busy, its first request may be told to come again. */
async function hasLease(workload: string): Promise<void> {
  await eventually(`${workload} has a lease`, 10_000, async () => {
    const answer = await stage.ask(workload);
    expect(answer).toMatchObject(answer.ok ? {} : { status: 503 });
    return answer.ok;
  });
}

const generationOf = ({ metadata }: Manifest): number =>
  (metadata as { generation?: number }).generation ?? 0;

/** Waits until the route's status, which is brought up to date once a minute, says an amount that `holds`. */
const spentBy = (workload: string, holds: (nanoUsd: bigint) => boolean): Promise<bigint> =>
  eventually(`what ${workload} spent is told`, 150_000, async () => {
    const spent = await stage.spent(workload);
    if (spent !== undefined && holds(spent)) return spent;
    throw new Error(`${spent} nano-USD`);
  });

async function underLoad(name: string, act: () => Promise<void>): Promise<void> {
  await stage.reroute(PREFER_NORTH);
  await stage.programmed(60_000);
  await stage.startLoad('buyer', LOAD);
  await delay(2000);
  await act();
  await changeOfRoute('afterwards');
  await delay(CALM_MS);
  const { failures, ...report } = await stage.stopLoad('buyer');
  figure(`requests during ${name}`, report);
  asked.stream += report.streams;
  asked.whole += report.asked - report.streams;
  expect(failures).toEqual([]);
  expect(report).toMatchObject({ failed: 0, answered: report.asked });
  // It was load indeed.
  expect(report.asked).toBeGreaterThan(report.seconds * LOAD * 0.9);
}
