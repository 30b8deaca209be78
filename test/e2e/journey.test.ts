/** What a platform engineer does, from the installation to its end, and what must hold meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, type Manifest } from './support/cluster.ts';
import { kubectl } from './support/command.ts';
import { eventually } from './support/eventually.ts';
import { figure } from './support/figures.ts';
import { type Installation, install, RELEASE, SYSTEM } from './support/installation.ts';
import { app, cronJob, idlers, job } from './support/manifests.ts';
import {
  killOperator,
  operatorPods,
  operatorReady,
  PREFER_NORTH,
  STAGES,
  Stage,
  startOperator,
} from './support/stage.ts';
import { inSteps } from './support/steps.ts';

let cluster: Cluster;
let stage: Stage;
let installation: Installation | undefined;

beforeAll(async () => {
  cluster = await Cluster.open();
  stage = new Stage(cluster);
  await stage.build();
  await cluster.apply(stage.namespace, [idlers('early', 1)]);
  await stage.available('early');
});
afterAll(async () => {
  await installation?.uninstall();
  await stage?.strike();
  cluster?.close();
});

const statusOf = (pod: Manifest, container: string) => {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
  return [...initContainerStatuses, ...containerStatuses].find(
    ({ name }: { name: string }) => name === container,
  );
};
const hasSidecar = (pod: Manifest): boolean =>
  (pod.spec.initContainers ?? []).some(({ name }: { name: string }) => name === 'outrider');

describe('the journey', () => {
  inSteps(() => [stage.namespace]);
  let replicas = 0;
  let podBefore: Manifest;

  test('installed, labelled, deployed: the first request is routed within a minute', async () => {
    const began = performance.now();
    installation = await install({ credentials: stage.namespace });
    const installed = performance.now();
    await stage.optIn();
    await stage.offer();
    await cluster.apply(stage.namespace, [app('shop', SHARED), cronJob('every-minute')]);
    await stage.answersFrom('shop', 'main', 90_000);
    const seconds = (performance.now() - began) / 1000;
    figure('seconds from nothing to the first routed request', {
      total: seconds.toFixed(1),
      installing: ((installed - began) / 1000).toFixed(1),
    });
    expect(seconds).toBeLessThan(60);
  });

  test('the status says what runs; the key is in no container of the app', async () => {
    await stage.programmed();
    podBefore = await stage.pod('shop');
    expect(hasSidecar(podBefore)).toBe(true);
    const environment = await cluster.json<object>(stage.door(podBefore, 8080, '/environment'));
    expect(environment).toMatchObject({ OPENAI_API_KEY: 'provided-by-outrider' });
    expect(JSON.stringify(environment)).not.toContain('sk-north');
    expect(Object.keys(await stage.seen('north'))).toEqual(['sk-north-1']);
    expect(await stage.seen('south')).toEqual({});
  });

  test('a pod that was there before is told that it goes without', async () => {
    const pod = await stage.pod('early');
    expect(hasSidecar(pod)).toBe(false);
    const event = await eventually('it has an Event', 60_000, async () => {
      const events = await cluster.list(`/api/v1/namespaces/${stage.namespace}/events`);
      const about = events as (Manifest & {
        involvedObject: { uid: string };
        reason: string;
        type: string;
      })[];
      return about.find(
        ({ involvedObject, reason }) =>
          involvedObject.uid === pod.metadata.uid && reason === 'SidecarMissing',
      );
    });
    expect(event.type).toBe('Warning');
    const path = (name: string) => `/api/v1/namespaces/${SYSTEM}/pods/${name}:8081/proxy/metrics`;
    const texts = (await operatorPods(cluster)).map(async ({ metadata }) =>
      (await cluster.call(path(metadata.name))).text(),
    );
    const counted = (await Promise.all(texts))
      .join('\n')
      .match(/^outrider_operator_pods_without_sidecar\{.*\} 1$/m);
    expect(counted).not.toBeNull();
  });

  test('the provider is gone: the next one answers', async () => {
    await stage.scale('north', 0);
    const answer = await stage.ask('shop');
    expect(answer).toMatchObject({ ok: true, target: 'spare' });
    await stage.scale('north', 1);
    await stage.answersFrom('shop', 'main', 60_000);
  });

  test('the route is changed: live, and nothing was restarted', async () => {
    await stage.reroute([{ name: 'moved', vendor: 'south' }]);
    runEverywhere(await stage.programmed(), 1);
    // Programmed says that every sidecar runs it, so the very next request has to be answered by it.
    expect(await stage.ask('shop')).toMatchObject({ ok: true, target: 'moved' });
    const pod = await stage.pod('shop');
    expect(pod.metadata.uid).toBe(podBefore.metadata.uid);
    expect([statusOf(pod, 'outrider').restartCount, statusOf(pod, 'app').restartCount]).toEqual([0, 0]);
  });

  test('the key is rotated: the new one is used, and then the old one can be revoked', async () => {
    await stage.accept('south', ['sk-south-1', 'sk-south-2']);
    await stage.rotateKey('south', 'sk-south-2');
    await eventually('south sees the new key', 30_000, async () => {
      expect(await stage.ask('shop')).toMatchObject({ ok: true });
      return (await stage.seen('south'))['sk-south-2'];
    });
    await stage.accept('south', ['sk-south-2']);
    await stage.forget('south');
    for (let i = 0; i < 5; i++) expect(await stage.ask('shop')).toMatchObject({ ok: true, target: 'moved' });
    expect(await stage.seen('south')).toEqual({ 'sk-south-2': 5 });
  });

  test('every replica of the operator is killed, then a sidecar: it serves from what it last knew', async () => {
    replicas = await killOperator(cluster);
    expect(await stage.ask('shop')).toMatchObject({ ok: true, target: 'moved' });
    const pod = await stage.pod('shop');
    await cluster.json(stage.door(pod, 8080, '/kill-sidecar'), { method: 'POST' });
    const restarted = await eventually('the sidecar was started again', 60_000, async () => {
      const status = statusOf(await stage.pod('shop'), 'outrider');
      return status.restartCount === 1 && status.started ? status : undefined;
    });
    expect(restarted.lastState.terminated).toMatchObject({ exitCode: 137 });
    await stage.answersFrom('shop', 'moved', 10_000);
    expect(await operatorPods(cluster)).toEqual([]);
    expect((await stage.pod('shop')).metadata.uid).toBe(podBefore.metadata.uid);
  });

  test('without an operator no pod is made that would go without; it comes when the operator does', async () => {
    // Killed processes may live for another moment, and answer.
    const message = await eventually('whoever makes a pod is told why it cannot be', 30_000, refusalOfAPod);
    expect(message).toContain('namespace.injection.outrider.dev');
    await cluster.apply(stage.namespace, [app('late')]);
    const refusal = await eventually('the ReplicaSet tells why it has no pod', 60_000, async () => {
      const sets = await cluster.list(`/apis/apps/v1/namespaces/${stage.namespace}/replicasets`, 'app=late');
      const conditions = (sets[0]?.status.conditions ?? []) as { type: string; message: string }[];
      return conditions.find(({ type }) => type === 'ReplicaFailure')?.message;
    });
    expect(refusal).toContain('namespace.injection.outrider.dev');
    expect(await cluster.list(stage.path('pods'), 'app=late')).toEqual([]);
    await startOperator(cluster, replicas);
    await stage.available('late');
    expect(hasSidecar(await stage.pod('late'))).toBe(true);
    expect(await stage.ask('late')).toMatchObject({ ok: true, target: 'moved' });
    // And who went on without has found back: a change reaches it.
    await stage.reroute(PREFER_NORTH);
    await foundBack('main');
  });

  test('a Job and a CronJob ask, also in their init containers, and complete', async () => {
    await cluster.apply(stage.namespace, [job('once')]);
    const done = await eventually('the Job is complete', 90_000, async () => {
      const { status } = await cluster.get(stage.path('jobs', 'once'));
      if ((status.failed ?? 0) > 0) throw new Error(JSON.stringify(status));
      return status.succeeded === 1 ? status : undefined;
    });
    expect(done.conditions).toContainEqual(expect.objectContaining({ type: 'Complete', status: 'True' }));
    const [pod] = await cluster.list(stage.path('pods'), 'job-name=once');
    expect(hasSidecar(pod as Manifest)).toBe(true);
    expect(pod?.status.phase).toBe('Succeeded');
    const said = await kubectl(['logs', 'job/once', '-c', 'asks-first', '-n', stage.namespace]);
    expect(JSON.parse(said)).toMatchObject({ ok: true, target: 'main-next' });
    await eventually('the CronJob has completed', 120_000, async () => {
      const { status } = await cluster.get(stage.path('cronjobs', 'every-minute'));
      return status.lastSuccessfulTime as string | undefined;
    });
  });

  test('uninstalled: what remains is listed, injected pods go on, and new ones are left alone', async () => {
    await kubectl(['delete', 'cronjob', 'every-minute', '-n', stage.namespace]);
    await kubectl(['delete', 'job', '--all', '-n', stage.namespace]);
    await eventually('their pods are gone', 60_000, async () => {
      return (await cluster.list(stage.path('pods'), 'job-name')).length === 0;
    });
    await operatorReady(cluster, replicas);
    await installation?.uninstall();
    installation = undefined;
    await eventually('the operator is gone', 60_000, async () => (await operatorPods(cluster)).length === 0);
    const listed = await kubectl(['get', 'pods', '-A', '-l', 'outrider.dev/sidecar=true', '-o', 'name']);
    const apps = [await stage.pod('shop'), await stage.pod('late')];
    expect(listed.trim().split('\n').sort()).toEqual(
      apps.map(({ metadata }) => `pod/${metadata.name}`).sort(),
    );
    // The namespace of a stage before this one may still be on its way out.
    const remains = (await leftovers()).filter(
      (name) => name.endsWith(` in ${stage.namespace}`) || !name.includes(` in ${STAGES}`),
    );
    const ledger = remains.filter((name) => name.startsWith('configmap/outrider-ledger-'));
    expect(remains.filter((name) => !ledger.includes(name))).toEqual([
      `configmap/outrider-ca in ${stage.namespace}`,
      `configmap/outrider-env in ${stage.namespace}`,
      `secret/outrider-tls in ${SYSTEM}`,
    ]);
    // What was spent is not forgotten.
    expect(ledger).toContain(`configmap/outrider-ledger-escrow in ${SYSTEM}`);
    expect(ledger.every((name) => name.endsWith(` in ${SYSTEM}`))).toBe(true);
    expect(await stage.ask('shop')).toMatchObject({ ok: true, target: 'main-next' });
    await cluster.apply(stage.namespace, [idlers('after', 1)]);
    await stage.available('after');
    expect(hasSidecar(await stage.pod('after'))).toBe(false);
  });

  test('installed again: who went on without an operator finds the new one', async () => {
    installation = await install({ credentials: stage.namespace });
    await stage.reroute([{ name: 'again', vendor: 'south' }]);
    await foundBack('again');
    expect(await stage.ask('shop')).toMatchObject({ ok: true, target: 'again-next' });
  });
});

/** The containers of this pod see each other's processes, so that the app can kill the sidecar. */
const SHARED = {
  annotations: { 'outrider.dev/share-process-namespace': 'Allow' },
  pod: { shareProcessNamespace: true },
};

/** Pods of a CronJob may be among those that run it. */
function runEverywhere({ status }: Manifest, atLeast: number): void {
  const { expected, programmed, rejectedCount } = status.proxies;
  expect({ programmed, rejectedCount }).toEqual({ programmed: expected, rejectedCount: 0 });
  expect(expected).toBeGreaterThanOrEqual(atLeast);
}

/** A change that was made as the operator came reaches both apps; and the next one is in force as soon as the status says so. */
async function foundBack(target: string): Promise<void> {
  for (const name of ['shop', 'late']) await stage.answersFrom(name, target, 90_000);
  const next = `${target}-next`;
  await stage.reroute([{ name: next, vendor: 'north' }]);
  runEverywhere(await stage.programmed(), 2);
  for (const name of ['shop', 'late'])
    expect(await stage.ask(name)).toMatchObject({ ok: true, target: next });
}

/** What the API server says to a pod; undefined while it would take it. */
async function refusalOfAPod(): Promise<string | undefined> {
  const { spec } = idlers('nobody', 1).spec.template;
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'nobody' }, spec };
  return cluster.call(`${stage.path('pods')}?dryRun=All`, { method: 'POST', body }).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Everything in the cluster that carries our name and is no kind, route or provider. */
async function leftovers(): Promise<string[]> {
  const kinds = [
    'configmaps,secrets,services,deployments,leases,roles,rolebindings,serviceaccounts,poddisruptionbudgets,networkpolicies',
    'clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations',
  ];
  const found: string[] = [];
  for (const kind of kinds) {
    const { items } = JSON.parse(await kubectl(['get', kind, '-A', '-o', 'json'])) as { items: Manifest[] };
    for (const { kind, metadata } of items) {
      if (!metadata.name.startsWith(RELEASE)) continue;
      found.push(`${kind.toLowerCase()}/${metadata.name} in ${metadata.namespace ?? 'the cluster'}`);
    }
  }
  return found.sort();
}
