/** A real API server with the installation in it, and operators as the images run them: bundled, elected, with certificates of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import type { KubeObject } from '../../crds/common.ts';
import { allCrds } from '../../crds/definitions.ts';
import { bundle } from '../../scripts/bundles.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../scripts/node-flags.ts';
import { Cluster } from '../../test/operator/support/cluster.ts';
import {
  type KubeApiServer,
  NO_KUBE_APISERVER,
  startKubeApiServer,
} from '../../test/support/kube-apiserver.ts';
import { installCrd } from '../../test/support/kube-request.ts';
import { Audit } from './audit.ts';
import { PLATFORM } from './world.ts';

export const SYSTEM = 'outrider-system';
const OPERATOR_ACCOUNT = 'operator';
export const LEASE_SECONDS = 15;
const GIVE_UP_MS = 120_000;
/** Asking costs whoever answers, and what it costs is measured too. */
const POLL_MS = 200;

export interface Pod {
  namespace: string;
  name: string;
  uid: string;
}

/** A replica in a process of its own. */
export interface Replica {
  name: string;
  pid: number;
  sync: number;
  admin: number;
  process: ChildProcess;
  logPath: string;
}

export class ControlPlane {
  readonly kube: KubeApiServer;
  readonly cluster: Cluster;
  readonly audit: Audit;
  readonly directory: string;
  readonly replicas: Replica[] = [];
  readonly #signingKey: ReturnType<typeof createPrivateKey>;
  #bundled = false;

  private constructor(kube: KubeApiServer, cluster: Cluster) {
    this.kube = kube;
    this.cluster = cluster;
    this.audit = new Audit(kube.auditPath, `system:serviceaccount:${SYSTEM}:${OPERATOR_ACCOUNT}`);
    this.directory = mkdtempSync(path.join(tmpdir(), 'outrider-bench-'));
    this.#signingKey = createPrivateKey(readFileSync(kube.signingKeyPath));
  }

  static async start(): Promise<ControlPlane> {
    const kube = await startKubeApiServer({ audit: true });
    if (!kube) throw new Error(NO_KUBE_APISERVER);
    for (const crd of allCrds()) await installCrd(kube, crd);
    const cluster = await Cluster.create(readFileSync(kube.kubeconfigPath, 'utf8'), () =>
      Promise.resolve(''),
    );
    await cluster.namespace(SYSTEM);
    await cluster.api.json({
      method: 'POST',
      path: `/apis/coordination.k8s.io/v1/namespaces/${SYSTEM}/leases`,
      body: { metadata: { name: 'outrider', namespace: SYSTEM } },
    });
    const plane = new ControlPlane(kube, cluster);
    await plane.#account();
    return plane;
  }

  /** The operator gets an account of its own, so that the audit log tells it from the bench. What it may do is tested elsewhere. */
  async #account(): Promise<void> {
    const { api } = this.cluster;
    const name = OPERATOR_ACCOUNT;
    await api.json({
      method: 'POST',
      path: `/api/v1/namespaces/${SYSTEM}/serviceaccounts`,
      body: { metadata: { name } },
    });
    await api.json({
      method: 'POST',
      path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      body: {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', namespace: SYSTEM, name }],
      },
    });
    const { status } = await api.json<{ status: { token: string } }>({
      method: 'POST',
      path: `/api/v1/namespaces/${SYSTEM}/serviceaccounts/${name}/token`,
      body: { spec: { expirationSeconds: 7_200 } },
    });
    const admin = JSON.parse(readFileSync(this.kube.kubeconfigPath, 'utf8')) as object;
    const users = [{ name: 'test', user: { token: status.token } }];
    writeFileSync(this.#kubeconfig, JSON.stringify({ ...admin, users }));
  }

  get #kubeconfig(): string {
    return path.join(this.directory, 'operator.kubeconfig');
  }

  /** Resolves once the replica has read and compiled everything. */
  async replica(name: string, nodeFlags?: readonly string[]): Promise<Replica> {
    const replica = await this.launch(name, nodeFlags);
    await this.isUp(replica);
    return replica;
  }

  async isUp(replica: Replica): Promise<void> {
    await waitFor(`${replica.name} to be ready`, () => {
      if (replica.process.exitCode !== null)
        throw new Error(readFileSync(replica.logPath, 'utf8').slice(-2000));
      return isReady(replica);
    });
  }

  async launch(name: string, nodeFlags: readonly string[] = NODE_FLAGS.operator): Promise<Replica> {
    const [sync, admin] = await freePorts(2);
    const settings = path.join(this.directory, 'injection.json');
    if (!this.#bundled) {
      await bundle('operator', this.directory);
      const operatorUrl = `https://outrider.${SYSTEM}.svc:8443`;
      writeFileSync(settings, JSON.stringify({ image: 'outrider', operatorNamespace: SYSTEM, operatorUrl }));
      this.#bundled = true;
    }
    const flags: Record<string, string> = {
      kubeconfig: this.#kubeconfig,
      listen: `127.0.0.1:${sync}`,
      admin: `127.0.0.1:${admin}`,
      'platform-namespaces': PLATFORM,
      'credentials-namespaces': '*',
      'pod-name': name,
      'pod-namespace': SYSTEM,
      'pod-ip': '127.0.0.1',
      'lease-seconds': String(LEASE_SECONDS),
      'tls-mode': 'SelfIssued',
      'tls-names': '127.0.0.1,localhost',
      'injection-settings': settings,
    };
    const logPath = path.join(this.directory, `${name}.log`);
    const log = openSync(logPath, 'a');
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    // Authorities that this machine adds to those of Node are in no image; reading them takes memory.
    const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
    const process_ = spawn(
      process.execPath,
      [...nodeFlags, path.join(this.directory, 'operator.js'), '--leader-elect', ...args],
      { stdio: ['ignore', log, log], env: { ...inherited, ...NODE_ENVIRONMENT.operator } },
    );
    const replica = {
      name,
      pid: process_.pid ?? 0,
      sync: sync ?? 0,
      admin: admin ?? 0,
      process: process_,
      logPath,
    };
    this.replicas.push(replica);
    const end = () => process_.kill('SIGKILL');
    process.once('exit', end);
    process_.once('exit', () => process.removeListener('exit', end));
    return replica;
  }

  /** As projected into the pod: signed by the API server's key, bound to the pod. */
  token({ namespace, name, uid }: Pod): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      'kubernetes.io': { namespace, pod: { name, uid }, serviceaccount: { name: 'app', uid: 'app' } },
    })
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer('https://kubernetes.default.svc.cluster.local')
      .setSubject(`system:serviceaccount:${namespace}:app`)
      .setAudience('outrider')
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + 3_600)
      .sign(this.#signingKey);
  }

  /** PEM of whom sidecars trust. */
  async authority(): Promise<string> {
    const secret = await this.cluster.api.json<KubeObject & { data: Record<string, string> }>({
      path: `/api/v1/namespaces/${SYSTEM}/secrets/outrider-tls`,
    });
    return Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString('utf8');
  }

  async leader(): Promise<Replica | undefined> {
    for (const replica of this.replicas) {
      if ((await metric(replica, 'outrider_operator_leader')) === 1) return replica;
    }
    return undefined;
  }

  async end(replica: Replica, signal: NodeJS.Signals): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    replica.process.kill(signal);
    if (replica.process.exitCode === null) await once(replica.process, 'exit');
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.slice().map((replica) => this.end(replica, 'SIGKILL')));
    await this.cluster.stop();
    await this.kube.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function waitFor(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  giveUpMs = GIVE_UP_MS,
): Promise<number> {
  const began = performance.now();
  for (;;) {
    if (await isTrue()) return performance.now() - began;
    if (performance.now() - began > giveUpMs) throw new Error(`waited ${giveUpMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export async function isReady(replica: Replica): Promise<boolean> {
  return (await ask(replica, '/readyz')).status === 200;
}

function ask(replica: Replica, target: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const none = () => resolve({ status: 0, body: '' });
    const request = http.get({
      host: '127.0.0.1',
      port: replica.admin,
      path: target,
      agent: false,
      timeout: 5_000,
    });
    request.on('error', none);
    request.on('timeout', () => request.destroy());
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', none);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
  });
}

/** Sum over the series of a metric whose labels contain `labels`. */
export async function metric(replica: Replica, name: string, labels = ''): Promise<number> {
  const { body } = await ask(replica, '/metrics');
  return body
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
