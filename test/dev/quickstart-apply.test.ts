/** The first `kubectl apply` of somebody who changed the quickstart. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allCrds } from '../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import { applyQuickstart } from '../../dev/laptop/manifests.ts';
import { describeWithKubectl, Kubectl } from './api-server/support/kubectl.ts';

describeWithKubectl('what npm start applied', () => {
  let api: ApiServer;
  let kubectl: Kubectl;
  beforeAll(async () => {
    api = await startApiServer({ port: 0, crds: allCrds() });
    kubectl = new Kubectl(api.kubeconfig());
    await applyQuickstart(api.url, new Map());
  });
  afterAll(async () => {
    kubectl.close();
    await api.close();
  });

  test('is applied again without a warning, and nothing changes', async () => {
    const { code, stdout, stderr } = await kubectl.run(['apply', '-f', 'examples/quickstart']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    // What is in stringData is written anew each time, on every API server.
    expect(lines.filter((line) => !line.endsWith(' unchanged'))).toEqual(['secret/scripted-keys configured']);
  });
});
