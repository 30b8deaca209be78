/** Injection by the API server itself, without the operator on its way: Kubernetes 1.36 and newer. */
// Whether its tests are there depends on the cluster.
/* oxlint-disable vitest/no-conditional-tests, vitest/valid-describe-callback */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, type Manifest } from './support/cluster.ts';
import { eventually } from './support/eventually.ts';
import { type Installation, install, wayToInstall } from './support/installation.ts';
import { app, idlers } from './support/manifests.ts';
import { killOperator, Stage, startOperator } from './support/stage.ts';
import { inSteps } from './support/steps.ts';

const cluster = await Cluster.open();
const obstacle = await whyNot();

afterAll(() => cluster.close());

async function whyNot(): Promise<string | undefined> {
  if (wayToInstall() === 'manifests') return 'deploy/ has the webhook only';
  const { resources } = await cluster.json<{ resources: { name: string }[] }>(
    '/apis/admissionregistration.k8s.io/v1',
  );
  const has = resources.some(({ name }) => name === 'mutatingadmissionpolicies');
  return has ? undefined : 'this API server has no MutatingAdmissionPolicy';
}

if (obstacle === undefined) describe('injection by policies', inPolicyMode);
else test(`NOT RUN: ${obstacle}`, ({ skip }) => skip(obstacle));

function inPolicyMode(): void {
  const stage = new Stage(cluster);
  let installation: Installation | undefined;
  let replicas = 0;
  inSteps(() => [stage.namespace]);

  beforeAll(async () => {
    await stage.build();
    installation = await install({ credentials: stage.namespace, mode: 'Policy', evictionsPerMinute: 60 });
    await stage.offer();
  });
  afterAll(async () => {
    await installation?.uninstall();
    await stage.strike();
  });

  test('a pod that was there before its namespace asked is evicted, and comes back with a sidecar', async () => {
    await cluster.apply(stage.namespace, [idlers('early', 1)]);
    await stage.available('early');
    const before = await stage.pod('early');
    expect(sidecarOf(before)).toBeUndefined();
    await stage.optIn();
    await eventually('another pod is there, with a sidecar', 120_000, async () => {
      const pod = await stage.pod('early');
      return pod.metadata.uid !== before.metadata.uid && sidecarOf(pod) !== undefined;
    });
    await stage.available('early');
  });

  test('requests of a pod that is made from then on are routed', async () => {
    await cluster.apply(stage.namespace, [app('shop')]);
    await stage.available('shop');
    expect(sidecarOf(await stage.pod('shop'))).toBeDefined();
    await stage.answersFrom('shop', 'main');
    await stage.programmed();
  });

  test('without an operator pods are made, and wait for it or not, as they say', async () => {
    replicas = await killOperator(cluster);
    await cluster.apply(stage.namespace, [
      app('waits'),
      app('proceeds', { annotations: { 'outrider.dev/startup': 'Proceed' } }),
    ]);
    await stage.available('proceeds');
    expect(await stage.ask('proceeds')).toMatchObject({ ok: false, status: 503 });
    const waiting = await stage.pod('waits');
    expect(sidecarOf(waiting)).toBeDefined();
    const [sidecar] = waiting.status.initContainerStatuses;
    expect(sidecar).toMatchObject({ name: 'outrider', started: false, restartCount: 0 });
    expect(sidecar.state).toHaveProperty('running');
    expect(waiting.status.containerStatuses[0].state).toHaveProperty('waiting');
  });

  test('the operator is back, and so are they', async () => {
    await startOperator(cluster, replicas);
    await stage.available('waits');
    for (const name of ['waits', 'proceeds', 'shop']) await stage.answersFrom(name, 'main', 60_000);
  });
}

const sidecarOf = (pod: Manifest) =>
  (pod.spec.initContainers ?? []).find(({ name }: { name: string }) => name === 'outrider');
