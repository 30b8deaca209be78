/** The real operator in a process of its own, beside an embedded API server with pods in it, and what sidecars need to report to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { allCrds } from '../../crds/definitions.ts';
import { startApiServer } from '../../dev/api-server/server.ts';
import { put, putStatus } from '../../dev/laptop/api.ts';
import { createAuthority, issueServing } from '../../operator/certificates/authority.ts';
import { configMapStore } from '../../operator/ledger/config-map-store.ts';
import type { LedgerStore } from '../../operator/ledger/store.ts';
import { apiClient } from '../../operator/watch/api-client.ts';
import { apiConfig, loadKubeConfig } from '../../operator/watch/api-config.ts';
import { systemClock } from '../../sidecar/snapshot/clock.ts';
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../sidecar/snapshot/messages.ts';

const COMMAND = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const NAMESPACE = 'default';
const DAY_MS = 86_400_000;
const READY_MS = 60_000;

export interface BenchPod {
  namespace: string;
  name: string;
  uid: string;
  token: string;
}

export interface Cluster {
  pods: readonly BenchPod[];
  store: LedgerStore;
  start(): void;
  ready(): Promise<void>;
  /** SIGKILL, and until it is gone. */
  kill(): Promise<void>;
  pid(): number;
  /** Rejects where there is nobody. */
  report(pod: BenchPod, body: Buffer): Promise<{ status: number; body: string }>;
  close(): Promise<void>;
}

export async function openCluster(count: number, connections: number): Promise<Cluster> {
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-ledger-'));
  const file = (name: string, text: string): string => {
    const where = path.join(directory, name);
    writeFileSync(where, text, { mode: 0o600 });
    return where;
  };
  const api = await startApiServer({ crds: allCrds() });
  const kubeconfig = file('kubeconfig', api.kubeconfig());
  const pods: BenchPod[] = [];
  for (let i = 0; i < count; i++) pods.push(await createPod(api, `pod-${i}`));
  const authority = await createAuthority('bench', { now: Date.now(), lifetimeMs: DAY_MS });
  const serving = await issueServing(authority, ['127.0.0.1'], { now: Date.now(), lifetimeMs: DAY_MS });
  const [sync, admin] = [await freePort(), await freePort()];
  const settings = {
    kubeconfig,
    listen: `127.0.0.1:${sync}`,
    admin: `127.0.0.1:${admin}`,
    'ledger-namespace': NAMESPACE,
    'log-level': 'error',
    'tls-cert': file('tls.crt', serving.cert),
    'tls-key': file('tls.key', serving.key),
  };
  const args = ['operator', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])];
  const agent = new https.Agent({ keepAlive: true, maxSockets: connections, ca: authority.cert });
  const client = apiClient(
    apiConfig(() => loadKubeConfig(kubeconfig)),
    systemClock,
  );
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    pods,
    store: configMapStore(client, NAMESPACE, 'outrider-ledger'),
    start: () =>
      void (child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })),
    async ready() {
      const deadline = Date.now() + READY_MS;
      while (Date.now() < deadline) {
        if ((await fetch(`http://127.0.0.1:${admin}/readyz`).catch(() => undefined))?.ok) return;
        await delay(20);
      }
      throw new Error(`the operator was not ready within ${READY_MS} ms`);
    },
    kill,
    pid: () => child?.pid ?? 0,
    report: (pod, body) => post(agent, sync, pod.token, body),
    async close() {
      await kill();
      agent.destroy();
      client.close();
      await api.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Api = Awaited<ReturnType<typeof startApiServer>>;

async function createPod(api: Api, name: string): Promise<BenchPod> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { 'outrider.dev/sidecar': 'true' } },
    spec: { containers: [{ name: 'outrider', image: 'outrider/sidecar' }] },
  };
  const created = await put(api.url, pod);
  await putStatus(api.url, { ...created, status: { phase: 'Running' } });
  const { uid = '' } = (created as { metadata: { uid?: string } }).metadata;
  const identity = { namespace: NAMESPACE, name, uid };
  const token = api.mintToken({
    namespace: NAMESPACE,
    serviceAccount: 'default',
    pod: identity,
    audience: 'outrider',
    expiresInSeconds: 86_400,
  });
  return { ...identity, token };
}

function post(
  agent: https.Agent,
  port: number,
  token: string,
  body: Buffer,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = https.request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/v1/report',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': body.length,
          [PROTOCOL_HEADER]: PROTOCOL_VERSION,
        },
      },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
