import { readFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import type { KubeObject } from '../../../crds/common.ts';
import { allCrds } from '../../../crds/definitions.ts';
import { createAuthority, issueServing } from '../../../operator/certificates/authority.ts';
import { LatestValue } from '../../../operator/certificates/latest.ts';
import type { InjectionOptions } from '../../../operator/inject/injection.ts';
import type { Pod } from '../../../operator/inject/pod.ts';
import { webhookConfiguration } from '../../../operator/inject/webhook-configuration.ts';
import type { RunningOperator } from '../../../operator/operator.ts';
import type { Certificate } from '../../../operator/sync/server.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import { installCrd } from '../../support/kube-request.ts';
import { describeOnKube } from '../../support/kube-suite.ts';
import { Cluster, metric } from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';
import { settingsWith } from './support/case.ts';

const settings = settingsWith();
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';

/** All that injection asks of the API server, and what the operator reads besides. */
const RULES = [
  {
    apiGroups: ['outrider.dev'],
    resources: ['llmproviders', 'llmroutes', 'llmpolicies'],
    verbs: ['list', 'watch'],
  },
  { apiGroups: [''], resources: ['namespaces', 'pods'], verbs: ['list', 'watch'] },
  {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: ['outrider-env', 'outrider-ca'],
    verbs: ['list', 'watch', 'create', 'patch', 'delete'],
  },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'get', 'patch'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
];

let cluster: Cluster;
/** Of an account that may do no more than that. */
let limited: string;

async function prepare(server: KubeApiServer): Promise<void> {
  for (const crd of allCrds()) await installCrd(server, crd);
  const kubeConfig = readFileSync(server.kubeconfigPath, 'utf8');
  cluster = await Cluster.create(kubeConfig, async () => '');
  await cluster.namespace('outrider-system');
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const post = <T>(path: string, body: object) => cluster.api.json<T>({ method: 'POST', path, body });
  await post(`${rbac}/clusterroles`, { metadata: { name: 'injection' }, rules: RULES });
  await post(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'injection' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'injection' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'outrider-system', name: 'app' }],
  });
  const { status } = await post<{ status: { token: string } }>(
    '/api/v1/namespaces/outrider-system/serviceaccounts/app/token',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  );
  limited = kubeConfig.replace(server.token, status.token);
}

/** One more attempt at what may not be true yet; an object that is not there is undefined. */
async function get<T extends KubeObject>(path: string): Promise<T | undefined> {
  try {
    return await cluster.api.json<T>({ path });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

const label = (namespace: string, labels: Record<string, string | null>) =>
  cluster.api.json({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}`,
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels } },
  });
const optIn = (namespace: string) => label(namespace, { 'outrider.dev/injection': 'enabled' });

const makeConfigMap = (namespace: string, data: Record<string, string>) =>
  cluster.api.json({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/configmaps`,
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'outrider-env', namespace }, data },
  });
const configMap = (namespace: string, name: string) =>
  get<KubeObject & { data?: Record<string, string> }>(`/api/v1/namespaces/${namespace}/configmaps/${name}`);
const keys = async (namespace: string) =>
  [await configMap(namespace, 'outrider-env'), await configMap(namespace, 'outrider-ca')].map(
    (found) => found?.data && Object.keys(found.data).sort().join(),
  );
const BOTH = ['ANTHROPIC_API_KEY,ANTHROPIC_BASE_URL,OPENAI_API_KEY,OPENAI_BASE_URL', 'ca.crt'];
const holds = (namespace: string, wanted: unknown) =>
  expect.poll(() => keys(namespace), { timeout: 10_000 }).toEqual(wanted);

function podOf(
  namespace: string,
  name: string,
  change: { metadata?: object; spec?: object } = {},
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, ...change.metadata },
    spec: { serviceAccountName: 'app', containers: [{ name: 'app', image: 'app' }], ...change.spec },
  };
}
const inits = async (namespace: string, name: string) =>
  (await get<Pod & KubeObject>(`/api/v1/namespaces/${namespace}/pods/${name}`))?.spec.initContainers?.map(
    (container) => container.name,
  );

interface Trust {
  serving: LatestValue<Certificate>;
  trustBundle: LatestValue<string>;
}

async function certificates(): Promise<Trust> {
  const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
  const authority = await createAuthority('test', validity);
  const made = { serving: new LatestValue<Certificate>(), trustBundle: new LatestValue<string>() };
  made.serving.set(await issueServing(authority, ['127.0.0.1'], validity));
  made.trustBundle.set(authority.cert);
  return made;
}

async function operator(injection: Partial<InjectionOptions>, trust?: Trust): Promise<RunningOperator> {
  const options = { settings, replica: 'outrider-0', repair: {}, ...injection };
  const tls = trust ?? (await certificates());
  const started = await cluster.operator({ tls, credentialsNamespaces: [], injection: options }, limited);
  await started.ready;
  return started;
}

async function eventsOn(namespace: string, pod: string): Promise<string[]> {
  const { items } = await cluster.api.json<{
    items: { reason: string; type: string; regarding: { name: string } }[];
  }>({
    path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
  });
  return items
    .filter(({ regarding }) => regarding.name === pod)
    .map(({ type, reason }) => `${type} ${reason}`);
}

describeOnKube('injection as a part of the operator, on a real API server', prepare, () => {
  afterAll(() => cluster.stop());

  it('keeps what injected pods refer to, whoever changes it', async () => {
    await cluster.namespace('kept');
    await makeConfigMap('kept', {});
    const trust = await certificates();
    // The token of an account, not the one of the administrator.
    expect(limited).toMatch(/"token":"eyJ/);
    const running = await operator({}, trust);
    await optIn('kept');
    await holds('kept', BOTH);
    const bundle = trust.trustBundle.current ?? '';
    expect((await configMap('kept', 'outrider-ca'))?.data).toEqual({ 'ca.crt': bundle });
    expect((await configMap('kept', 'outrider-env'))?.data?.OPENAI_BASE_URL).toBe('http://127.0.0.1:4000/v1');

    const path = '/api/v1/namespaces/kept/configmaps/outrider-env';
    await cluster.api.json({
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      body: { data: { OPENAI_BASE_URL: 'http://evil.example', OPENAI_API_KEY: null } },
    });
    await until(
      async () =>
        (await configMap('kept', 'outrider-env'))?.data?.OPENAI_BASE_URL === 'http://127.0.0.1:4000/v1',
    );
    await holds('kept', BOTH);
    await cluster.api.json({ method: 'DELETE', path });
    await holds('kept', BOTH);
    await cluster.api.json({
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      body: { data: { ANTHROPIC_BASE_URL: '' }, immutable: true },
    });
    await until(async () => (await configMap('kept', 'outrider-env'))?.data?.ANTHROPIC_BASE_URL !== '');
    await holds('kept', BOTH);

    const next = `${bundle}${(await certificates()).trustBundle.current}`;
    expect(running.injection?.isPublished(bundle)).toBe(true);
    expect(running.injection?.isPublished(next)).toBe(false);
    trust.trustBundle.set(next);
    await until(() => running.injection?.isPublished(next) === true, 'the new bundle to be everywhere');
    expect((await configMap('kept', 'outrider-ca'))?.data).toEqual({ 'ca.crt': next });

    // Pods that live need them on, and pods that asked themselves need them anywhere.
    await cluster.pod('kept', 'web');
    await label('kept', { 'outrider.dev/injection': null });
    await cluster.namespace('asked');
    await cluster.pod('asked', 'web');
    await holds('asked', BOTH);
    await holds('kept', BOTH);
    await cluster.remove('Pod', 'kept', 'web');
    await holds('kept', [undefined, undefined]);
    await cluster.remove('Pod', 'asked', 'web');
    await holds('asked', [undefined, undefined]);
    await cluster.stopOperator(running);
  });

  it('leaves alone what is not its own', async () => {
    await cluster.namespace('foreign');
    await makeConfigMap('foreign', { A: 'b' });
    await optIn('outrider-system');
    const running = await operator({});
    await cluster.namespace('marker');
    await optIn('marker');
    await holds('marker', BOTH);
    expect(await keys('foreign')).toEqual(['A', undefined]);
    expect(await keys('outrider-system')).toEqual([undefined, undefined]);
    await cluster.stopOperator(running);
  });

  it('injects over its own webhook, and finds what was there before', async () => {
    await cluster.namespace('late');
    await cluster.create(podOf('late', 'before'));
    await cluster.create(podOf('late', 'node-agent', { spec: { hostNetwork: true } }));
    const trust = await certificates();
    const running = await operator({ webhook: { host: '127.0.0.1', port: 0 } }, trust);
    await optIn('late');
    const configuration = webhookConfiguration({
      settings,
      at: { url: `https://127.0.0.1:${running.injection?.address?.port}` },
      caBundle: trust.trustBundle.current ?? '',
    });
    await cluster.api.json({
      method: 'POST',
      path: `${ADMISSION}/mutatingwebhookconfigurations`,
      body: configuration,
    });
    let tries = 0;
    await until(async () => {
      const name = `after-${(tries += 1)}`;
      await cluster.create(podOf('late', name));
      return (await inits('late', name))?.join() === 'outrider';
    }, 'the webhook to be called');

    await expect.poll(() => eventsOn('late', 'before')).toEqual(['Warning SidecarMissing']);
    await expect.poll(() => eventsOn('late', 'node-agent')).toEqual(['Normal SidecarSkipped']);
    expect(await eventsOn('late', `after-${tries}`)).toEqual([]);
    const missing = (reason: string) =>
      metric(running, 'outrider_operator_pods_without_sidecar', `reason="${reason}"`);
    expect(await missing('Missing')).toBe(tries);
    expect(await missing('HostNetwork')).toBe(1);
    expect(await metric(running, 'outrider_operator_injection_reviews_total', 'result="Injected"')).toBe(1);
    expect(await metric(running, 'outrider_operator_evictions_total')).toBe(0);
    expect(await metric(running, 'outrider_operator_events_total', 'result="Written"')).toBeGreaterThan(1);

    await label('late', { 'outrider.dev/injection': null });
    await until(async () => (await missing('Missing')) === 0, 'the namespace to be none of ours');
    await cluster.api.json({
      method: 'DELETE',
      path: `${ADMISSION}/mutatingwebhookconfigurations/${configuration.metadata.name}`,
    });
    await cluster.stopOperator(running);
  });

  it('evicts where that is asked for, as budgets of disruption allow', async () => {
    await cluster.namespace('evicting');
    const owned = (name: string) => ({
      labels: { app: name },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: `uid-${name}`, controller: true },
      ],
    });
    await cluster.create(podOf('evicting', 'free', { metadata: owned('free') }));
    await cluster.create(podOf('evicting', 'guarded', { metadata: owned('guarded') }));
    await cluster.create(podOf('evicting', 'bare'));
    // An eviction of a pod that waits for a node asks no budget, so these have one.
    for (const name of ['free', 'guarded', 'bare']) await schedule('evicting', name);
    await cluster.api.json({
      method: 'POST',
      path: '/apis/policy/v1/namespaces/evicting/poddisruptionbudgets',
      body: {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'guarded', namespace: 'evicting' },
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
      },
    });
    await optIn('evicting');
    const running = await operator({ repair: { evictionsPerMinute: 600 } });
    const evictions = (result: string) => metric(running, 'outrider_operator_evictions_total', `"${result}"`);
    await until(async () => (await evictions('Evicted')) === 1 && (await evictions('Blocked')) > 0);
    const { items } = await cluster.api.json<{ items: (KubeObject & Pod)[] }>({
      path: '/api/v1/namespaces/evicting/pods',
    });
    const ending = items.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    const left = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(left.map(({ metadata }) => metadata.name)).toEqual(['bare', 'guarded']);
    expect(ending.length).toBeLessThanOrEqual(1);
    await cluster.stopOperator(running);
  });
});

/** As a scheduler and a kubelet would report it: assigned, running, ready. */
async function schedule(namespace: string, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  await cluster.api.json({
    method: 'POST',
    path: `${path}/binding`,
    body: {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace },
      target: { kind: 'Node', name: 'node-1' },
    },
  });
  await cluster.api.json({
    method: 'PATCH',
    path: `${path}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
  });
}
