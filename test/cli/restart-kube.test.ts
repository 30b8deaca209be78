import { expect, it } from 'vitest';
import type { KubeApiServer } from '../support/kube-apiserver.ts';
import { kubeRequest } from '../support/kube-request.ts';
import { describeOnKube } from '../support/kube-suite.ts';
import { outrider } from './support/run.ts';
import { collectionOf, everything, SAID, type Stored } from './support/workloads.ts';

async function prepare(server: KubeApiServer): Promise<void> {
  const created = async (path: string, object: object) => {
    const { status, body } = await kubeRequest(server, 'POST', path, object);
    if (status !== 201) throw new Error(`${path}: ${body.message}`);
  };
  for (const name of ['shop', 'search']) {
    await created('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'app' } };
    await created(`/api/v1/namespaces/${name}/serviceaccounts`, account);
  }
  for (const object of everything()) await created(collectionOf(object), object);
}

describeOnKube('outrider restart on a real API server', prepare, (server) => {
  const restartedAt = async (path: string): Promise<string | undefined> => {
    const { body } = await kubeRequest(server(), 'GET', `/apis/apps/v1/namespaces/${path}`);
    const { template } = (body as unknown as Stored).spec as { template: Stored };
    return template.metadata.annotations?.['kubectl.kubernetes.io/restartedAt'];
  };

  it('rolls what it should, and nothing else', async () => {
    const before = Date.now();
    const { code, out } = await outrider('restart', '--outdated', '--kubeconfig', server().kubeconfigPath);
    expect(out).toEqual(SAID);
    expect(code).toBe(1);
    for (const path of ['shop/deployments/web', 'shop/statefulsets/queue', 'search/daemonsets/agent'])
      expect(Date.parse((await restartedAt(path)) ?? '')).toBeGreaterThanOrEqual(before - 1000);
    for (const path of ['shop/deployments/fresh', 'shop/deployments/paused', 'shop/daemonsets/by-hand'])
      expect(await restartedAt(path)).toBeUndefined();
  });
});
