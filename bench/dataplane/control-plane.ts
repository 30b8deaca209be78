/** The real control plane around the sidecar under measurement: API server, operator, one pod, a token, TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { allCrds } from '../../crds/definitions.ts';
import { startApiServer } from '../../dev/api-server/server.ts';
import { put } from '../../dev/laptop/api.ts';
import { createPod } from '../../dev/laptop/pod.ts';
import { createAuthority, issueServing } from '../../operator/certificates/authority.ts';
import { startOperator } from '../../operator/operator.ts';
import { apiConfig } from '../../operator/watch/api-config.ts';
import { silentLog } from '../../operator/watch/log.ts';

const DAY_MS = 86_400_000;

/** As `put` takes them. */
export type Manifest = Parameters<typeof put>[1];

export interface ControlPlane {
  /** Flags that make a sidecar follow it. */
  sidecarFlags: string[];
  directory: string;
  stop(): Promise<void>;
}

export interface OpenControlPlane {
  /** Of the API server. */
  readonly url: string;
  readonly directory: string;
  /** Creates a pod of that name; gives the flags that make a sidecar follow the operator as that pod. */
  join(pod: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** `upstreams`: by provider name, the base URL and, for TLS, who signs it. Each provider is a route of its own name's model. */
export async function startControlPlane(
  upstreams: Record<string, { url: string; ca?: string }>,
): Promise<ControlPlane> {
  const manifests = Object.entries(upstreams).flatMap(([name, { url, ca }]) => [
    provider(name, url, ca),
    route(name),
  ]);
  const plane = await openControlPlane(manifests);
  const sidecarFlags = await plane.join('laptop');
  return { directory: plane.directory, sidecarFlags, stop: () => plane.stop() };
}

/** An API server with the manifests in namespace demo, where Secret `keys` has a `key`, and an operator. */
export async function openControlPlane(manifests: readonly Manifest[]): Promise<OpenControlPlane> {
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-bench-'));
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(directory, name), text, { mode: 0o600 });
    return path.join(directory, name);
  };
  const api = await startApiServer({ crds: allCrds() });
  await put(api.url, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } });
  await put(api.url, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'demo', labels: { 'outrider.dev/provider-credential': 'true' } },
    stringData: { key: 'sk-bench' },
  } as Manifest);
  for (const manifest of manifests) await put(api.url, manifest);
  const validity = { now: Date.now(), lifetimeMs: DAY_MS };
  const authority = await createAuthority('outrider bench', validity);
  const operator = await startOperator({
    api: apiConfig(() => {
      const config = new KubeConfig();
      config.loadFromString(api.kubeconfig());
      return config;
    }),
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    tls: await issueServing(authority, ['127.0.0.1'], validity),
    platformNamespaces: [],
    credentialsNamespaces: ['*'],
    log: silentLog,
  });
  await operator.ready;
  return {
    url: api.url,
    directory,
    async join(name) {
      const pod = await createPod(api.url, name);
      const token = api.mintToken({
        namespace: pod.namespace,
        serviceAccount: 'default',
        pod,
        audience: 'outrider',
        expiresInSeconds: 3600,
      });
      return [
        '--operator',
        `https://127.0.0.1:${operator.address.port}`,
        '--token-file',
        file(`token-${name}`, token),
        '--ca-file',
        file('ca.crt', authority.cert),
      ];
    },
    async stop() {
      await operator.stop();
      await api.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function provider(name: string, url: string, ca: string | undefined): Manifest {
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name, namespace: 'demo' },
    spec: {
      type: 'OpenAICompatible',
      endpoint: { url, ...(ca ? { tls: { caBundle: ca } } : {}) },
      credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: 'keys', key: 'key' } }],
      models: [
        {
          name: 'bench-1',
          contextWindow: 1_000_000,
          pricing: [
            { unit: 'InputToken', perMillion: '0.25' },
            { unit: 'OutputToken', perMillion: '2' },
          ],
        },
      ],
    },
  } as Manifest;
}

/** Two targets and a header match: what a plain route has to decide. */
function route(name: string): Manifest {
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: { name, namespace: 'demo' },
    spec: {
      models: [name],
      rules: [
        {
          name: 'vip',
          matches: [{ headers: [{ name: 'x-tier', value: 'vip' }] }],
          targets: [{ name: 'vip', provider: { name }, model: 'bench-1' }],
        },
        {
          name: 'all',
          targets: [
            { name: 'main', provider: { name }, model: 'bench-1' },
            { name: 'spare', provider: { name }, model: 'bench-1', priority: 1 },
          ],
        },
      ],
    },
  } as Manifest;
}
