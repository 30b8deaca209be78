import { readFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { allCrds } from '../../crds/definitions.ts';
import { writeStatus } from '../../operator/status/writer.ts';
import { TerminalError } from '../../operator/watch/queue.ts';
import type { KubeApiServer } from '../support/kube-apiserver.ts';
import { installCrd, kubeRequest } from '../support/kube-request.ts';
import { describeOnKube } from '../support/kube-suite.ts';
import { aProvider, aRoute, aSecret, ask, brief, Cluster, metric, runs } from './support/cluster.ts';
import { until } from './support/manual-clock.ts';

let cluster: Cluster;

async function prepare(server: KubeApiServer): Promise<void> {
  for (const crd of allCrds()) await installCrd(server, crd);
  cluster = await Cluster.create(readFileSync(server.kubeconfigPath, 'utf8'), async (pod) => {
    const { status, body } = await kubeRequest(
      server,
      'POST',
      `/api/v1/namespaces/${pod.namespace}/serviceaccounts/app/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: ['outrider'],
          expirationSeconds: 3600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid },
        },
      },
    );
    if (status !== 201) throw new Error(`no token: ${body.message}`);
    return (body as unknown as { status: { token: string } }).status.token;
  });
}

describeOnKube('the operator on a real API server', prepare, () => {
  afterAll(() => cluster.stop());

  it('brings routes to sidecars and their statuses back', async () => {
    await cluster.namespace('shop');
    const operator = await cluster.operator();
    await operator.ready;
    expect((await ask(operator, '/readyz')).status).toBe(200);
    // Initial events, not lists: this server knows them.
    expect(await metric(operator, 'outrider_operator_watch_restarts_total')).toBe(0);
    const sidecar = await cluster.sidecar(operator, await cluster.pod('shop', 'web'));
    await cluster.create(aSecret('keys', 'sk-first'));
    await cluster.create(aProvider('shop', 'keys'));
    await cluster.create(aRoute('assistant'));
    const wanted = (text: string) =>
      cluster.status('LLMRoute', 'shop', 'assistant', (status) => brief(status) === text);
    const first = await wanted('True/Programmed@1');
    expect(first.proxies).toEqual({ expected: 1, connected: 1, programmed: 1, stale: 0, rejectedCount: 0 });
    expect(sidecar.credentials.current()?.credentials).toEqual([
      { id: 'shop/vendor/main', value: 'sk-first', version: expect.any(String) },
    ]);

    await cluster.apply(aRoute('assistant', { model: 'other' }));
    await wanted('True/Programmed@2');
    await runs(sidecar, 'route/shop/assistant', 2);
    const writes = () => metric(operator, 'outrider_operator_status_writes_total', 'kind="LLMRoute"');
    expect(await writes()).toBe(2);

    // Nothing that happens to metadata alone is news.
    await cluster.apply({
      ...aRoute('assistant', { model: 'other' }),
      metadata: { name: 'assistant', namespace: 'shop', labels: { a: 'b' } },
    });
    await cluster.remove('Pod', 'shop', 'web');
    await wanted('True/NoProxies@2');
    // It counts a write when the answer is there, which is after the status is.
    await until(async () => (await writes()) >= 3, 'the write to be counted');
    expect(await writes()).toBe(3);
    await until(() => operator.registry.list().length === 0, 'the pod to be forgotten');
  });

  it('owns its fields alone, and cannot write to an object recreated under the name', async () => {
    const route = await cluster.get('LLMRoute', 'shop', 'assistant');
    expect(route).toMatchObject({
      metadata: {
        managedFields: expect.arrayContaining([
          expect.objectContaining({ manager: 'outrider-status', operation: 'Apply', subresource: 'status' }),
        ]),
      },
    });
    const write = (name: string, version: string | undefined, status: object) =>
      writeStatus(cluster.api, { kind: 'LLMRoute', namespace: 'shop', name }, version, status);
    const version = route?.metadata.resourceVersion;
    await expect(write('assistant', '1', { observedGeneration: 2 })).rejects.toMatchObject({ status: 409 });
    await expect(write('assistant', version, { observedGeneration: -1 })).rejects.toThrow(TerminalError);
    expect(await write('absent', undefined, { observedGeneration: 2 })).toEqual({ state: 'Gone' });
    await cluster.remove('LLMRoute', 'shop', 'assistant');
    expect(await write('assistant', version, { observedGeneration: 2 })).toEqual({ state: 'Gone' });
    await cluster.create(aRoute('assistant'));
    await expect(write('assistant', version, { observedGeneration: 2 })).rejects.toMatchObject({
      status: 409,
    });
  });

  it('follows objects that come and go by label', async () => {
    const operator = await cluster.operator({ credentialsNamespaces: ['shop'], namespaces: ['shop'] });
    await operator.ready;
    const objects = (resource: string) =>
      metric(operator, 'outrider_operator_watch_objects', `"${resource}"`);
    expect(await objects('secrets')).toBe(1);
    expect(await objects('namespaces')).toBe(1);
    await cluster.api.json({
      method: 'PATCH',
      path: '/api/v1/namespaces/shop/secrets/keys',
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { 'outrider.dev/provider-credential': null } } },
    });
    await until(async () => (await objects('secrets')) === 0, 'the Secret to leave the selector');
    await cluster.status(
      'LLMProvider',
      'shop',
      'vendor',
      (status) => brief(status, 'ResolvedRefs') === 'False/RefNotPermitted@1',
    );
  });
});
