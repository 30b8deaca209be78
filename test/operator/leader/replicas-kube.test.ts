/**
 * Operators as processes, two at a time, on a real API server and under a ServiceAccount that may do what the chart allows and
 * nothing else: election, certificates, and the trust of webhooks.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, expect, it } from 'vitest';
import { allCrds } from '../../../crds/definitions.ts';
import type { RunningOperator } from '../../../operator/operator.ts';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import { installCrd, kubeRequest } from '../../support/kube-request.ts';
import { describeOnKube } from '../../support/kube-suite.ts';
import { aProvider, aRoute, brief, Cluster, runs } from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';
import { OPERATOR_ACCOUNT, operatorRights } from './support/rights.ts';

const NAMESPACE = 'outrider-system';
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/outrider-tls`;
const HOOKS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

let kube: KubeApiServer;
let cluster: Cluster;
let kubeconfig: string;

const ask = (method: string, target: string, body?: unknown) => kubeRequest(kube, method, target, body);
const create = async (target: string, body: unknown) => {
  const { status, body: answer } = await ask('POST', target, body);
  if (status !== 201) throw new Error(`${target}: ${answer.message}`);
};

async function tokenFor(namespace: string, account: string, spec: object): Promise<string> {
  const target = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const { status, body } = await ask('POST', target, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3600, ...spec },
  });
  if (status !== 201) throw new Error(`no token: ${body.message}`);
  return (body as unknown as { status: { token: string } }).status.token;
}

async function prepare(server: KubeApiServer): Promise<void> {
  kube = server;
  for (const crd of allCrds()) await installCrd(server, crd);
  cluster = await Cluster.create(readFileSync(server.kubeconfigPath, 'utf8'), ({ namespace, name, uid }) =>
    tokenFor(namespace, 'app', {
      audiences: ['outrider'],
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    }),
  );
  await cluster.namespace('shop');
  await cluster.namespace(NAMESPACE);
  for (const { path: target, object } of operatorRights(NAMESPACE)) await create(target, object);
  await create(LEASE, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'outrider', namespace: NAMESPACE },
  });
  await create(HOOKS, hooks());
  const token = await tokenFor(NAMESPACE, OPERATOR_ACCOUNT, {});
  kubeconfig = path.join(cluster.directory, 'operator.kubeconfig');
  const admin = JSON.parse(readFileSync(server.kubeconfigPath, 'utf8')) as { users: object[] };
  writeFileSync(kubeconfig, JSON.stringify({ ...admin, users: [{ name: 'test', user: { token } }] }));
}

/** Two webhooks as a chart installs them: without a word on whom to trust. */
function hooks() {
  const webhook = (name: string) => ({
    name: `${name}.injection.outrider.dev`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Ignore',
    clientConfig: { service: { namespace: NAMESPACE, name: 'outrider', path: '/inject', port: 443 } },
    namespaceSelector: { matchLabels: { 'test/none': 'such' } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
  });
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'outrider-injection' },
    webhooks: [webhook('namespace'), webhook('pod')],
  };
}

interface Process {
  child: ChildProcess;
  output: string;
  code: number | null | undefined;
  sync: number;
  admin: number;
}

const running: Process[] = [];

async function start(name: string): Promise<Process> {
  const flags = {
    kubeconfig,
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    'credentials-namespaces': 'shop',
    'pod-name': name,
    'pod-namespace': NAMESPACE,
    'lease-seconds': '5',
    'tls-mode': 'SelfIssued',
    'tls-names': '127.0.0.1',
    'webhook-configurations': 'outrider-injection',
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const child = spawn(process.execPath, ['bin/outrider.js', 'operator', '--leader-elect', ...args]);
  const started: Process = { child, output: '', code: undefined, sync: 0, admin: 0 };
  running.push(started);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      started.output += text;
    });
  }
  child.on('exit', (code) => {
    started.code = code;
  });
  await until(() => started.output.includes('operator is up'), `${name} to start`);
  const line = started.output.split('\n').find((text) => text.includes('operator is up')) ?? '';
  const up = JSON.parse(line) as { sync: { port: number }; admin: { port: number } };
  Object.assign(started, { sync: up.sync.port, admin: up.admin.port });
  await until(async () => (await get(started, '/readyz')).startsWith('200'), `${name} to be ready`);
  return started;
}

function get({ admin }: Process, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port: admin, path: target, agent: false }, (response) => {
        let text = `${response.statusCode} `;
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });
}

const leads = async (process: Process) =>
  /^outrider_operator_leader 1$/m.test(await get(process, '/metrics'));

/** Serial number of what is served, and whether that bundle holds for it. */
function served(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** The body as what the test knows it to be. */
const got = async <T>(target: string) => (await ask('GET', target)).body as unknown as T;
const lease = () => got<{ metadata: object; spec: Record<string, unknown> }>(`${LEASE}/outrider`);
const secret = () => got<{ type: string; data?: Record<string, string> }>(SECRET);
const bundle = async () => Buffer.from((await secret()).data?.['ca.crt'] ?? '', 'base64').toString();
const trusted = async () => {
  type Hooks = { webhooks?: { clientConfig: { caBundle?: string } }[] };
  const { webhooks = [] } = await got<Hooks>(`${HOOKS}/outrider-injection`);
  return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
};
const holds = async (what: string) =>
  until(async () => (await trusted()).join('|') === [what, what].join('|'), 'the webhooks to be trusted');

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await until(() => running.every(({ code }) => code !== undefined), 'processes to end');
  running.length = 0;
});

describeOnKube('replicas on a real API server', prepare, () => {
  afterAll(() => cluster.stop());

  it('elect one; the other takes over when it is killed, and no sidecar notices', async () => {
    const first = await start('first');
    await until(() => leads(first), 'the first leader');
    const second = await start('second');
    const before = await lease();
    expect(before.spec).toMatchObject({ leaseDurationSeconds: 5 });
    expect(before.spec['holderIdentity']).toMatch(/^first_[0-9a-f]{8}$/);
    expect(before.spec['renewTime']).toMatch(/\.\d{6}Z$/);
    expect(before.metadata).toMatchObject({
      annotations: { 'outrider.dev/leader-address': `127.0.0.1:${first.sync}` },
    });
    expect(await leads(second)).toBe(false);

    // One authority, one certificate, both serve it.
    const ca = await bundle();
    expect(await served(first.sync, ca)).toBe(await served(second.sync, ca));
    expect((await secret()).type).toBe('kubernetes.io/tls');
    await holds(ca);

    const caFile = path.join(cluster.directory, 'operator-ca.pem');
    writeFileSync(caFile, ca);
    await cluster.create(aProvider());
    await cluster.create(aRoute('assistant'));
    const follower = { address: { host: '127.0.0.1', port: second.sync } } as RunningOperator;
    const sidecar = await cluster.sidecar(follower, await cluster.pod('shop', 'web'), { caFile });
    await cluster.status('LLMRoute', 'shop', 'assistant', (status) => brief(status) === 'True/Programmed@1');

    first.child.kill('SIGKILL');
    await until(() => leads(second), 'the other to lead');
    expect((await lease()).spec['leaseTransitions']).toBe(Number(before.spec['leaseTransitions']) + 1);
    await cluster.apply(aRoute('assistant', { model: 'other' }));
    await cluster.status('LLMRoute', 'shop', 'assistant', (status) => brief(status) === 'True/Programmed@2');
    await runs(sidecar, 'route/shop/assistant', 2);
    expect(sidecar.client.status()).toMatchObject({ connected: true });
    expect(await get(second, '/metrics')).toMatch(/^outrider_operator_sync_streams 1$/m);

    second.child.kill('SIGTERM');
    await until(() => second.code !== undefined, 'the end');
    expect(second.code).toBe(0);
    expect((await lease()).spec['holderIdentity']).toBe('');
    // Nothing was tried that the account may not do.
    expect(`${first.output}${second.output}`).not.toMatch(/forbidden/i);
  });

  it('heal what others take away, and end when leadership is taken from them', async () => {
    const leader = await start('third');
    await until(() => leads(leader), 'the leader');
    const ca = await bundle();
    await holds(ca);

    // Whoever installs the rest replaces it as a whole.
    const { body: current } = await ask('GET', `${HOOKS}/outrider-injection`);
    const replaced = await ask('PUT', `${HOOKS}/outrider-injection`, {
      ...current,
      webhooks: hooks().webhooks,
    });
    expect(replaced.status).toBe(200);
    await holds(ca);
    type Managed = { metadata: { managedFields: { manager: string; fieldsV1: object }[] } };
    const { managedFields } = (await got<Managed>(`${HOOKS}/outrider-injection`)).metadata;
    const managers = managedFields.filter(({ manager }) => manager === 'outrider-certificates');
    expect(managers).toHaveLength(1);
    expect(JSON.stringify(managers[0]?.fieldsV1)).not.toMatch(/rules|failurePolicy|f:service/);

    // Uninstalled and installed again: not made by us, and mended once it is there.
    await ask('DELETE', `${HOOKS}/outrider-injection`);
    expect((await ask('GET', `${HOOKS}/outrider-injection`)).status).toBe(404);
    await create(HOOKS, hooks());
    await holds(ca);

    await ask('DELETE', SECRET);
    await until(async () => (await bundle()) === ca, 'the Secret to come back');

    // Between reading and writing it may be renewed, and then the write is refused.
    await until(async () => {
      const { spec, metadata } = await lease();
      const taken = { ...spec, holderIdentity: 'thief', renewTime: '2026-01-01T00:00:00.000000Z' };
      const { status } = await ask('PUT', `${LEASE}/outrider`, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec: taken,
      });
      return status === 200;
    }, 'the Lease to be taken');
    await until(() => leader.code !== undefined, 'the end');
    expect(leader.code).toBe(1);
    expect(leader.output).toContain('the Lease is held by thief');
    expect(leader.output).not.toMatch(/forbidden/i);
  });
});
