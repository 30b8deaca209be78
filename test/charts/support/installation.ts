/** The chart's rights and kinds on a real API server, and the operator as the chart starts it, under its own account. */
import { setTimeout as delay } from 'node:timers/promises';
import { kinds } from '../../../scripts/chart/plain-manifests.ts';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { apply, call, collectionPath } from './api.ts';
import { type OperatorProcess, startOperatorOf } from './operator-process.ts';
import type { RecordingProxy } from './recording-proxy.ts';
import { golden, type Manifest } from './renders.ts';

export const NAMESPACE = 'outrider-system';
export const ACCOUNT = 'outrider';
export const API = 'outrider.dev/v1alpha1';

export async function prepare(server: KubeApiServer): Promise<void> {
  for (const name of [NAMESPACE, 'shop', 'search', 'platform', 'hr'])
    await must(apply(server, object('v1', 'Namespace', name)));
  for (const crd of kinds()) await must(apply(server, crd));
  await until(
    'the kinds to be served',
    async () => (await call(server, 'GET', `/apis/${API}/llmroutes`)).status === 200,
  );
}

/** What concerns rights, and what the operator keeps. */
export async function install(
  server: KubeApiServer,
  set: string,
): Promise<{ objects: Manifest[]; token: string }> {
  const objects = golden(set);
  const installed = objects.filter(({ kind }) => /Role|ServiceAccount|WebhookConfiguration/.test(kind));
  for (const each of installed) await must(apply(server, each));
  const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${ACCOUNT}/token`;
  const { body } = await must(
    call(server, 'POST', path, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
  );
  return { objects, token: body.status.token };
}

export async function uninstall(server: KubeApiServer, set: string): Promise<void> {
  for (const each of golden(set).filter(({ kind }) =>
    /Role|ServiceAccount|WebhookConfiguration/.test(kind),
  )) {
    await must(call(server, 'DELETE', `${collectionPath(each)}/${each.metadata.name}`));
  }
}

export async function running(
  objects: readonly Manifest[],
  proxy: RecordingProxy,
  token: string,
): Promise<OperatorProcess> {
  const operator = await startOperatorOf(objects, { server: proxy.url, token });
  await until('the operator to be ready and to lead', async () => {
    const page = (name: string) =>
      fetch(operator.admin + name).then(
        (response) => (response.ok ? response.text() : ''),
        () => '',
      );
    return (await page('/readyz')) !== '' && /^outrider_operator_leader 1$/m.test(await page('/metrics'));
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${operator.log()}`, { cause: error });
  });
  return operator;
}

export function object(
  apiVersion: string,
  kind: string,
  name: string,
  namespace?: string,
  labels = {},
): Manifest {
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels } };
}

export async function must<T extends { status: number; body: { message?: string } }>(
  answer: Promise<T>,
): Promise<T> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status} ${body.message}`);
  return answer;
}

export async function until(
  what: string,
  holds: () => boolean | undefined | Promise<boolean | undefined>,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited for ${what}`);
    await delay(50);
  }
}
