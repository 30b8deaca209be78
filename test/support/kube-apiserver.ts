/**
 * A real etcd and kube-apiserver for tests, on loopback and in a directory of their own.
 *
 * The binaries are looked for in $KUBEBUILDER_ASSETS, then in /usr/local/kubebuilder/bin. Where they are absent
 * `startKubeApiServer` answers undefined, and a test says so by a skipped test of that name: never silently.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface KubeApiServer {
  /** For `kubectl --kubeconfig` and `KubeConfig.loadFromFile`; the user is in system:masters. */
  kubeconfigPath: string;
  url: string;
  token: string;
  /** PEM bundle that the server's certificate is checked against. */
  caPath: string;
  /** Path of the kubectl that came with the server, if one did. */
  kubectl: string | undefined;
  /** PEM of the key that signs tokens of ServiceAccounts. */
  signingKeyPath: string;
  /** One JSON object per finished request, where `audit` was asked for. */
  auditPath: string;
  /** SIGSTOP and SIGCONT make an outage without a word; SIGKILL one that is noticed at once. */
  signal(name: KubeProcess, signal: NodeJS.Signals): void;
  /** Starts one that was killed anew, on the same port and with what it had stored. */
  restart(name: KubeProcess): Promise<void>;
  stop(): Promise<void>;
}

type KubeProcess = 'etcd' | 'kube-apiserver';

export interface KubeApiServerOptions {
  /** Writes down every request: who asked what, and what came of it. */
  audit?: boolean;
}

const READY_TIMEOUT_MS = 150_000;
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

/** The directory that holds etcd and kube-apiserver, or undefined. */
export function kubeBinaries(): string | undefined {
  const places = [process.env.KUBEBUILDER_ASSETS, '/usr/local/kubebuilder/bin'];
  return places.find(
    (dir) => dir && existsSync(path.join(dir, 'etcd')) && existsSync(path.join(dir, 'kube-apiserver')),
  );
}

/** What a skipped test is called where the binaries are absent. */
export const NO_KUBE_APISERVER =
  'NOT RUN: no etcd and kube-apiserver in $KUBEBUILDER_ASSETS or /usr/local/kubebuilder/bin';

/** Starts both and waits until the API server is ready. Takes some seconds. */
export async function startKubeApiServer(
  options: KubeApiServerOptions = {},
): Promise<KubeApiServer | undefined> {
  const binaries = kubeBinaries();
  if (!binaries) return undefined;
  const dir = await mkdtemp(path.join(tmpdir(), 'outrider-kube-'));
  const [etcdPort, peerPort, port] = await freePorts(3);
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const url = `https://127.0.0.1:${port}`;
  const token = randomBytes(16).toString('hex');
  const file = (name: string) => path.join(dir, name);

  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(file('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(file('sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(file('tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  await writeFile(file('kubeconfig'), kubeconfig(url, token, file('certs/apiserver.crt')), { mode: 0o600 });

  const children = new Map<KubeProcess, ChildProcess>();
  const run = (name: KubeProcess) => {
    const log = openSync(file(`${name}.log`), 'a');
    const child = spawn(path.join(binaries, name), flags[name], { cwd: dir, stdio: ['ignore', log, log] });
    closeSync(log);
    children.set(name, child);
    return child;
  };
  const killAll = () => {
    // Nothing is kept, so nobody has to shut down in order.
    for (const child of children.values()) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  const stop = async () => {
    process.removeListener('exit', killAll);
    const gone = [...children.values()].map(ended);
    killAll();
    await Promise.all(gone);
    await rm(dir, { recursive: true, force: true });
  };

  await writeFile(file('audit-policy.json'), JSON.stringify(AUDIT_POLICY));
  const flags: Record<KubeProcess, string[]> = {
    etcd: [
      '--data-dir=etcd',
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
    ],
    'kube-apiserver': [
      `--etcd-servers=${etcdUrl}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      '--cert-dir=certs',
      '--service-account-key-file=sa.pub',
      '--service-account-signing-key-file=sa.key',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      '--authorization-mode=RBAC',
      '--token-auth-file=tokens.csv',
      '--service-cluster-ip-range=10.96.0.0/16',
      // Without a controller manager nobody makes the ServiceAccounts that this plugin demands of pods.
      '--disable-admission-plugins=ServiceAccount',
      ...(options.audit ? ['--audit-policy-file=audit-policy.json', '--audit-log-path=audit.log'] : []),
    ],
  };
  const isUp = async () => {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (!(await isReady(url, token))) {
      if (performance.now() > deadline || children.get('kube-apiserver')?.exitCode !== null) {
        const log = await readFile(file('kube-apiserver.log'), 'utf8').catch(() => '');
        await stop();
        throw new Error(`kube-apiserver did not become ready:\n${log.slice(-4000)}`);
      }
      await delay(100);
    }
  };
  run('etcd');
  run('kube-apiserver');
  await isUp();
  const kubectl = path.join(binaries, 'kubectl');
  return {
    kubeconfigPath: file('kubeconfig'),
    url,
    token,
    caPath: file('certs/apiserver.crt'),
    kubectl: existsSync(kubectl) ? kubectl : undefined,
    signingKeyPath: file('sa.key'),
    auditPath: file('audit.log'),
    signal: (name, signal) => void children.get(name)?.kill(signal),
    async restart(name) {
      const child = children.get(name);
      child?.kill('SIGKILL');
      if (child) await ended(child);
      run(name);
      await isUp();
    },
    stop,
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function kubeconfig(server: string, token: string, ca: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

/** The server makes its own certificate while it starts, so this probe alone does not check it. */
function isReady(url: string, token: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request(
      `${url}/readyz`,
      {
        headers: { authorization: `Bearer ${token}` },
        rejectUnauthorized: false,
        timeout: 2000,
        agent: false,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    probe.on('timeout', () => probe.destroy());
    probe.on('error', () => resolve(false));
    probe.end();
  });
}

/** Ports are held together until all are known, so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
