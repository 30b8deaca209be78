/**
 * One real API server with two doors of injection: the webhook, called over TLS by its admission chain, and the policies. A label
 * of the namespace chooses; namespaces with neither show what the server makes of a pod that is injected already.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { KubeObject } from '../../../../crds/common.ts';
import { createAuthority, issueServing } from '../../../../operator/certificates/authority.ts';
import { injectionPolicies } from '../../../../operator/inject/policy.ts';
import type { InjectionSettings } from '../../../../operator/inject/settings.ts';
import { createInjectionHandler, type RequestHandler } from '../../../../operator/inject/webhook.ts';
import { webhookConfiguration } from '../../../../operator/inject/webhook-configuration.ts';
import { startWebhookServer, type WebhookServer } from '../../../../operator/inject/webhook-server.ts';
import type { KubeApiServer } from '../../../support/kube-apiserver.ts';
import { kubeRequest } from '../../../support/kube-request.ts';
import { until } from '../../../support/until.ts';

/** `none`: nobody injects there. */
export type Door = 'webhook' | 'policy' | 'none';

export interface Answer {
  status: number;
  body: KubeObject & { message?: string };
  /** Texts of the warnings. */
  warnings: string[];
}

const DOOR_LABEL = 'test/door';
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';

export class Doors {
  readonly #server: KubeApiServer;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #ca: Buffer;
  readonly #webhooks: WebhookServer[] = [];
  readonly #namespaceLabels = new Map<string, Record<string, string>>();

  constructor(server: KubeApiServer) {
    this.#server = server;
    this.#ca = readFileSync(server.caPath);
  }

  /** Opens both doors for each of several settings, side by side; namespaces choose one by its place in the list. */
  async open(all: readonly InjectionSettings[]): Promise<void> {
    for (const [i, settings] of all.entries()) {
      const name = `outrider-injection-${i}`;
      const handler = createInjectionHandler({
        settings: () => settings,
        namespaceLabels: (namespace) => this.#namespaceLabels.get(namespace),
      });
      await this.webhook(handler, (url, caBundle) => {
        const configuration = webhookConfiguration({ settings, name, at: { url }, caBundle });
        const { webhooks } = configuration as unknown as { webhooks: { namespaceSelector: Selector }[] };
        for (const { namespaceSelector } of webhooks) through(namespaceSelector, 'webhook', i);
        return configuration;
      });
      for (const object of injectionPolicies({ settings, name })) {
        const { matchResources } = object.spec as { matchResources?: { namespaceSelector: Selector } };
        if (matchResources) through(matchResources.namespaceSelector, 'policy', i);
        await this.#install(object);
      }
    }
    await Promise.all(all.map((_, i) => this.#untilOpen(i)));
  }

  /** Serves a webhook to the API server. */
  async webhook(
    handler: RequestHandler,
    configuration: (url: string, ca: string) => KubeObject,
  ): Promise<void> {
    const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
    const authority = await createAuthority('outrider test', validity);
    const tls = await issueServing(authority, ['127.0.0.1'], validity);
    const server = await startWebhookServer({ listen: { host: '127.0.0.1', port: 0 }, tls, handler });
    this.#webhooks.push(server);
    await this.#install(configuration(`https://127.0.0.1:${server.address.port}`, authority.cert));
  }

  async namespace(
    name: string,
    labels: Readonly<Record<string, string>>,
    door: Door,
    settings = 0,
  ): Promise<void> {
    this.#namespaceLabels.set(name, labels);
    const metadata = { name, labels: { ...labels, [DOOR_LABEL]: `${door}-${settings}` } };
    const made = await this.send('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata,
    });
    if (made.status !== 409) return;
    const path = `/api/v1/namespaces/${name}`;
    const { body } = await this.send('GET', path);
    await this.send('PUT', path, { ...body, metadata: { ...body.metadata, labels: metadata.labels } });
  }

  /** Creates the pod without keeping it. Fields that differ between two equal pods are left out of the answer. */
  async create(pod: object, namespace: string): Promise<Answer> {
    const own = structuredClone(pod) as KubeObject;
    own.metadata.namespace = namespace;
    const answer = await this.send('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, own);
    const metadata = answer.body.metadata as unknown as Record<string, unknown> | undefined;
    for (const field of ['uid', 'creationTimestamp', 'namespace', 'managedFields']) delete metadata?.[field];
    return answer;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await Promise.all(this.#webhooks.map((server) => server.close()));
  }

  send(method: string, path: string, body?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const req = request(`${this.#server.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#server.token}`, 'content-type': 'application/json' },
        ca: this.#ca,
        agent: this.#agent,
      });
      req.on('error', reject);
      req.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const warnings = [response.headers.warning ?? []].flat().flatMap(textsOf);
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'], warnings });
        });
      });
      req.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async #install(object: KubeObject): Promise<void> {
    const collection = `${ADMISSION}/${object.kind.toLowerCase().replace(/y$/, 'ie')}s`;
    const made = await kubeRequest(this.#server, 'POST', collection, object);
    if (made.status !== 201) throw new Error(`${object.kind} is refused: ${made.body.message}`);
  }

  /** The API server takes up configurations in its own time. Each door is open when it does all that it will do. */
  async #untilOpen(settings: number): Promise<void> {
    const pod = (annotations: object, spec: object = {}) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probe', annotations },
      spec: { serviceAccountName: 'app', containers: [{ name: 'app', image: 'app' }], ...spec },
    });
    for (const door of ['webhook', 'policy'] as const) {
      const namespace = `open-${settings}-${door}`;
      await this.namespace(namespace, { 'outrider.dev/injection': 'enabled' }, door, settings);
      await until(async () => {
        const injected = await this.create(pod({}), namespace);
        const refused = await this.create(pod({ 'outrider.dev/port': '0' }), namespace);
        const warned = await this.create(pod({}, { hostNetwork: true }), namespace);
        const { initContainers } = (injected.body.spec ?? {}) as { initContainers?: unknown[] };
        return initContainers?.length === 1 && refused.status === 422 && warned.warnings.length > 0;
      }, `the ${door} to be there`);
    }
  }
}

interface Selector {
  matchExpressions?: object[];
}

function through(selector: Selector, door: Door, settings: number): void {
  (selector.matchExpressions ??= []).push({
    key: DOOR_LABEL,
    operator: 'In',
    values: [`${door}-${settings}`],
  });
}

/** `299 - "text"`, several of them separated by commas. */
function textsOf(header: string): string[] {
  return [...header.matchAll(/299 \S+ ("(?:[^"\\]|\\.)*")/g)].map(
    ([, quoted]) => JSON.parse(quoted ?? '""') as string,
  );
}
