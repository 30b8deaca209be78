/** The operator as a render starts it: its arguments and variables, in a process of its own, on loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Manifest } from './renders.ts';

export interface OperatorProcess {
  sync: string;
  admin: string;
  log(): string;
  /** Sends SIGTERM and waits for the end; the exit code. */
  stop(): Promise<number>;
}

const FILES = '/etc/outrider/injection/';

/** @param server URL of the API server @param token of the operator's account */
export async function startOperatorOf(
  objects: readonly Manifest[],
  { server, token }: { server: string; token: string },
): Promise<OperatorProcess> {
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-chart-'));
  const [syncPort, adminPort, webhookPort] = await freePorts(3);
  const deployment = objects.find(({ kind }) => kind === 'Deployment') as Manifest;
  const [container] = deployment.spec.template.spec.containers;
  const { data } = objects.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-injection'),
  ) as Manifest;
  for (const [name, text] of Object.entries(data)) writeFileSync(path.join(directory, name), text as string);
  const kubeconfig = path.join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(server, token)));
  const given = (container.env as { name: string; value?: string }[]).map(({ name, value = '' }) => [
    name,
    value.startsWith(FILES) ? path.join(directory, value.slice(FILES.length)) : value,
  ]);
  const env = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    ...Object.fromEntries(given),
    // What a pod and its node decide.
    OUTRIDER_POD_NAME: `${deployment.metadata.name}-0`,
    OUTRIDER_POD_NAMESPACE: deployment.metadata.namespace,
    OUTRIDER_POD_IP: '127.0.0.1',
    OUTRIDER_LISTEN: `127.0.0.1:${syncPort}`,
    OUTRIDER_ADMIN: `127.0.0.1:${adminPort}`,
    OUTRIDER_WEBHOOK: `127.0.0.1:${webhookPort}`,
    OUTRIDER_KUBECONFIG: kubeconfig,
    // A replica that makes the Lease waits for as long; no test has to sit through that.
    OUTRIDER_LEASE_SECONDS: '3',
  };
  const child = spawn(process.execPath, ['cli/main.ts', 'operator', ...(container.args ?? [])], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(String(chunk)));
  return {
    sync: `https://127.0.0.1:${syncPort}`,
    admin: `http://127.0.0.1:${adminPort}`,
    log: () => said.join(''),
    stop: () => end(child).finally(() => rmSync(directory, { recursive: true, force: true })),
  };
}

async function end(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = (await ended) as [number];
  return code;
}

function kubeconfigOf(server: string, token: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) await new Promise((done) => server.close(done));
  return ports;
}
