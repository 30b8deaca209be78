/**
 * An API server, an operator and simulated sidecars, wired as in a cluster: real HTTP to the API server, real TLS and
 * pod-bound tokens to the operator, the real snapshot client in every sidecar.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { Condition, KubeObject } from '../../../crds/common.ts';
import type { ApiServer } from '../../../dev/api-server/server.ts';
import type { SecretObject } from '../../../operator/compile/types.ts';
import { type OperatorOptions, type RunningOperator, startOperator } from '../../../operator/operator.ts';
import { DEFAULT_WAITS } from '../../../operator/status/programmed.ts';
import { type ApiClient, apiClient } from '../../../operator/watch/api-client.ts';
import { apiConfig } from '../../../operator/watch/api-config.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import { SnapshotClient, type SnapshotClientOptions } from '../../../sidecar/snapshot/client.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import type { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import { ConfigHolder } from '../../../sidecar/snapshot/holder.ts';
import type { Report } from '../../../sidecar/snapshot/messages.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { type TestAuthority, testAuthority } from '../sync/support/certificates.ts';
import { until } from './manual-clock.ts';
import { podTokens, type TokenFor } from './pod-tokens.ts';

const API = '/apis/outrider.dev/v1alpha1';
const PATHS: Record<string, string> = {
  LLMRoute: `${API}/namespaces/{ns}/llmroutes`,
  LLMProvider: `${API}/namespaces/{ns}/llmproviders`,
  LLMPolicy: `${API}/namespaces/{ns}/llmpolicies`,
  Secret: '/api/v1/namespaces/{ns}/secrets',
  Pod: '/api/v1/namespaces/{ns}/pods',
  ServiceAccount: '/api/v1/namespaces/{ns}/serviceaccounts',
  Namespace: '/api/v1/namespaces',
};

export interface SimulatedSidecar {
  pod: { namespace: string; name: string; uid: string };
  holder: ConfigHolder;
  credentials: CredentialStore;
  client: SnapshotClient;
}

interface Status {
  observedGeneration?: number;
  conditions?: Condition[];
  proxies?: Record<string, unknown>;
}

export class Cluster {
  readonly api: ApiClient;
  readonly directory = mkdtempSync(path.join(tmpdir(), 'outrider-operator-'));
  readonly #kubeConfig: string;
  readonly #tokenFor: TokenFor;
  readonly #authority: TestAuthority;
  readonly #sidecars: SimulatedSidecar[] = [];
  readonly #operators: RunningOperator[] = [];

  private constructor(kubeConfig: string, tokenFor: TokenFor, authority: TestAuthority) {
    this.#kubeConfig = kubeConfig;
    this.#tokenFor = tokenFor;
    this.#authority = authority;
    this.api = apiClient(apiConfig(loader(kubeConfig)), systemClock);
    writeFileSync(path.join(this.directory, 'ca.pem'), authority.ca);
  }

  static async create(kubeConfig: string, tokenFor: TokenFor): Promise<Cluster> {
    return new Cluster(kubeConfig, tokenFor, await testAuthority());
  }

  /** On the embedded API server. */
  static on(api: ApiServer): Promise<Cluster> {
    return Cluster.create(api.kubeconfig(), podTokens(api));
  }

  /** @param kubeConfig unset: the one of this cluster */
  async operator(
    options: Partial<OperatorOptions> = {},
    kubeConfig = this.#kubeConfig,
  ): Promise<RunningOperator> {
    const operator = await startOperator({
      api: apiConfig(loader(kubeConfig)),
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      tls: await this.#authority.issue('127.0.0.1'),
      platformNamespaces: [],
      credentialsNamespaces: ['*'],
      log: silentLog,
      // Waits between tries are there, but no test has to sit through a long one.
      random: () => 0.2,
      // A busy machine is no news about a sidecar.
      waits: { ...DEFAULT_WAITS, pendingGraceMs: 5000 },
      ...options,
    });
    this.#operators.push(operator);
    return operator;
  }

  async create(object: KubeObject): Promise<KubeObject> {
    return this.api.json({ method: 'POST', path: collection(object), body: object });
  }

  /** Creates or replaces the spec, as `kubectl apply` would. */
  async apply(object: KubeObject): Promise<KubeObject> {
    return this.api.json({
      method: 'PATCH',
      path: `${collection(object)}/${object.metadata.name}`,
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
  }

  async remove(kind: string, namespace: string, name: string): Promise<void> {
    const query = kind === 'Pod' ? { gracePeriodSeconds: 0 } : {};
    await this.api.json({ method: 'DELETE', path: `${collectionOf(kind, namespace)}/${name}`, query });
  }

  async get<T extends KubeObject>(kind: string, namespace: string, name: string): Promise<T | undefined> {
    try {
      return await this.api.json<T>({ path: `${collectionOf(kind, namespace)}/${name}` });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async namespace(name: string): Promise<void> {
    await this.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await this.create({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'app', namespace: name },
    }).catch(
      // The embedded server knows no ServiceAccounts; its tokens name one all the same.
      (error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      },
    );
  }

  /** A pod with a running sidecar container, as the kubelet would report it. */
  async pod(
    namespace: string,
    name: string,
    runningForS = 600,
  ): Promise<{ namespace: string; name: string; uid: string }> {
    const created = await this.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: { 'outrider.dev/sidecar': 'true', app: name } },
      spec: {
        serviceAccountName: 'app',
        automountServiceAccountToken: false,
        containers: [{ name: 'app', image: 'app' }],
        initContainers: [{ name: 'outrider', image: 'outrider', restartPolicy: 'Always' }],
      },
    });
    const startedAt = new Date(Date.now() - runningForS * 1000).toISOString().replace(/\.\d+Z/, 'Z');
    await this.api.json({
      method: 'PUT',
      path: `${collection(created)}/${name}/status`,
      body: {
        ...created,
        status: {
          phase: 'Running',
          initContainerStatuses: [
            {
              name: 'outrider',
              state: { running: { startedAt } },
              ready: true,
              restartCount: 0,
              image: 'outrider',
              imageID: '',
            },
          ],
        },
      },
    });
    return { namespace, name, uid: created.metadata.uid ?? '' };
  }

  async sidecar(
    operator: RunningOperator,
    pod: { namespace: string; name: string; uid: string },
    options: Partial<SnapshotClientOptions> = {},
    fleet?: FleetLink,
  ): Promise<SimulatedSidecar> {
    const credentials = new CredentialStore();
    const holder = new ConfigHolder({ credentials });
    const client = new SnapshotClient({ ...(await this.access(operator, pod)), ...options });
    if (fleet) client.join(fleet);
    await client.start(holder, credentials);
    const sidecar = { pod, holder, credentials, client };
    this.#sidecars.push(sidecar);
    return sidecar;
  }

  /** How a sidecar in that pod gets to the operator. */
  async access(
    operator: RunningOperator,
    pod: { namespace: string; name: string; uid: string },
  ): Promise<SnapshotClientOptions> {
    const tokenFile = path.join(this.directory, pod.uid);
    writeFileSync(tokenFile, await this.#tokenFor(pod));
    return {
      url: `https://127.0.0.1:${operator.address.port}`,
      tokenFile,
      caFile: path.join(this.directory, 'ca.pem'),
      proxyVersion: 'test',
      random: () => 0.2,
    };
  }

  /** A report in the words of the test, as a sidecar of any version might send it. */
  async report(operator: RunningOperator, pod: SimulatedSidecar['pod'], report: Report): Promise<number> {
    const token = await this.#tokenFor(pod);
    return new Promise((resolve, reject) => {
      const request = https.request(`https://127.0.0.1:${operator.address.port}/v1/report`, {
        method: 'POST',
        ca: this.#authority.ca,
        agent: false,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.end(JSON.stringify(report));
    });
  }

  /** Polls until the status of the object satisfies `check`. */
  async status(
    kind: string,
    namespace: string,
    name: string,
    check: (status: Status) => boolean,
  ): Promise<Status> {
    let last: Status = {};
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      last = ((await this.get(kind, namespace, name))?.status as Status | undefined) ?? {};
      if (check(last)) return last;
      if (performance.now() > deadline)
        throw new Error(`status stayed ${JSON.stringify(last, undefined, 1)}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sidecars.map(({ client }) => client.stop()));
    await Promise.all(this.#operators.map((operator) => operator.stop()));
    this.api.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async stopOperator(operator: RunningOperator): Promise<void> {
    this.#operators.splice(this.#operators.indexOf(operator), 1);
    await operator.stop();
  }
}

function loader(kubeConfig: string): () => KubeConfig {
  return () => {
    const config = new KubeConfig();
    config.loadFromString(kubeConfig);
    return config;
  };
}

const collection = (object: KubeObject) => collectionOf(object.kind, object.metadata.namespace ?? '');
const collectionOf = (kind: string, namespace: string) => (PATHS[kind] ?? '').replace('{ns}', namespace);

/** What `kubectl wait --for=condition=TYPE` takes as met: the status, said of the newest generation. */
export function isMet(object: KubeObject | undefined, type: string, status = 'True'): boolean {
  const { conditions = [], observedGeneration } = (object?.status ?? {}) as Status;
  const condition = conditions.find((each) => each.type === type);
  const observed = condition?.observedGeneration ?? observedGeneration;
  if (observed !== undefined && observed < (object?.metadata.generation ?? 0)) return false;
  return condition?.status === status;
}

/** `True/Programmed@3`: a condition in short. */
export function brief(status: Status, type = 'Programmed'): string {
  const found = status.conditions?.find((each) => each.type === type);
  return found ? `${found.status}/${found.reason}@${found.observedGeneration}` : 'absent';
}

export async function runs(sidecar: SimulatedSidecar, routeId: string, generation: number): Promise<void> {
  await until(
    () =>
      sidecar.holder.effective?.routes.some(
        (route) => route.id === routeId && route.generation === generation,
      ) ?? false,
    `${routeId} at generation ${generation}`,
  );
}

export function aProvider(namespace = 'shop', secret?: string): KubeObject {
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name: 'vendor', namespace },
    spec: {
      type: 'OpenAICompatible',
      endpoint: { url: 'http://127.0.0.1:9/v1' },
      ...(secret
        ? { credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: secret, key: 'api-key' } }] }
        : {}),
    },
  };
}

export function aRoute(
  name: string,
  change: { model?: string; rule?: object; namespace?: string } = {},
): KubeObject {
  const { model = 'm', rule = {}, namespace = 'shop' } = change;
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: { name, namespace },
    spec: {
      models: [name],
      rules: [{ name: 'all', targets: [{ name: 't', provider: { name: 'vendor' }, model }], ...rule }],
    },
  };
}

export function aSecret(name: string, key: string, namespace = 'shop'): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'outrider.dev/provider-credential': 'true' } },
    data: { 'api-key': Buffer.from(key).toString('base64') },
  };
}

/** The answer of the operator's admin port. */
export function ask(
  operator: RunningOperator,
  target: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({
      host: '127.0.0.1',
      port: operator.admin.port,
      path: target,
      headers,
      agent: false,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

/** Value of a counter or gauge, summed over the series whose labels contain `labels`; 0 where there is none. */
export async function metric(operator: RunningOperator, name: string, labels = ''): Promise<number> {
  const { body } = await ask(operator, '/metrics');
  return body
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
