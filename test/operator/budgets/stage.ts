/** A whole operator with its ledger on the embedded API server, and real sidecars in front of a provider whose answers cost a dollar. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { KubeObject } from '../../../crds/common.ts';
import { allCrds } from '../../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { OperatorOptions, RunningOperator } from '../../../operator/operator.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import { type Sidecar, startSidecar } from '../../../sidecar/sidecar.ts';
import { SnapshotClient } from '../../../sidecar/snapshot/client.ts';
import { Cluster } from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';
import { podTokens } from '../support/pod-tokens.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const API = 'outrider.dev/v1alpha1';
const LEDGER = { namespace: 'outrider-system', name: 'outrider-ledger' };

export interface App {
  /** One request; its status, and the code of an error. */
  ask(): Promise<{ status: number; code: string | undefined }>;
  readonly sidecar: Sidecar;
}

export class Stage {
  readonly api: ApiServer;
  readonly cluster: Cluster;
  readonly provider: ScriptedProvider;
  readonly #apps: Sidecar[] = [];

  private constructor(api: ApiServer, cluster: Cluster, provider: ScriptedProvider) {
    this.api = api;
    this.cluster = cluster;
    this.provider = provider;
  }

  /** @param namespaces of apps; each has a route `assistant` */
  static async open(namespaces: readonly string[]): Promise<Stage> {
    const api = await startApiServer({ crds: allCrds() });
    const cluster = await Cluster.on(api);
    const provider = await startScriptedProvider({ record: false });
    for (const name of ['platform', LEDGER.namespace, ...namespaces]) await cluster.namespace(name);
    await cluster.create(vendor(provider.url));
    for (const namespace of namespaces) await cluster.create(route(namespace));
    return new Stage(api, cluster, provider);
  }

  async operator(options: Partial<OperatorOptions> = {}): Promise<RunningOperator> {
    const operator = await this.cluster.operator({
      ledger: LEDGER,
      platformNamespaces: ['platform'],
      reportIntervalMs: 200,
      ...options,
    });
    await operator.ready;
    return operator;
  }

  /** A pod with a sidecar that runs its route. */
  async app(operator: RunningOperator, namespace: string, name: string): Promise<App> {
    const pod = await this.cluster.pod(namespace, name);
    const tokenFile = path.join(this.cluster.directory, pod.uid);
    writeFileSync(tokenFile, await podTokens(this.api)(pod));
    const rows = new RowSpool();
    const source = new SnapshotClient({
      url: `https://127.0.0.1:${operator.address.port}`,
      tokenFile,
      caFile: path.join(this.cluster.directory, 'ca.pem'),
      proxyVersion: 'test',
      epoch: name,
      random: () => 0.2,
      rows,
    });
    const sidecar = await startSidecar({
      listen: LOOPBACK,
      admin: LOOPBACK,
      source,
      rows,
      pod: { namespace, workload: name },
    });
    this.#apps.push(sidecar);
    await until(() => (sidecar.holder.effective?.routes.length ?? 0) > 0, 'the route');
    return { sidecar, ask: () => ask(sidecar.port) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#apps.map((sidecar) => sidecar.close()));
    await this.cluster.stop();
    await this.provider.close();
    await this.api.close();
  }
}

async function ask(port: number): Promise<{ status: number; code: string | undefined }> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'assistant',
      max_tokens: 5,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  const body = (await answer.json()) as { error?: { code?: string } };
  return { status: answer.status, code: body.error?.code };
}

/** Answers have five tokens of output, at twenty cents each. */
const vendor = (url: string): KubeObject => ({
  apiVersion: API,
  kind: 'LLMProvider',
  metadata: { name: 'vendor', namespace: 'platform' },
  spec: {
    type: 'OpenAICompatible',
    endpoint: { url },
    allowedNamespaces: { from: 'All' },
    models: [
      {
        name: 'm',
        contextWindow: 100_000,
        maxOutputTokens: 1000,
        pricing: [
          { unit: 'InputToken', perMillion: '0' },
          { unit: 'OutputToken', perMillion: '200000' },
        ],
      },
    ],
  },
});

const route = (namespace: string): KubeObject => ({
  apiVersion: API,
  kind: 'LLMRoute',
  metadata: { name: 'assistant', namespace },
  spec: {
    models: ['assistant'],
    rules: [{ name: 'all', targets: [{ name: 't', provider: { name: 'vendor' }, model: 'm' }] }],
  },
});

export const policy = (budget: object, more: object = {}): KubeObject => ({
  apiVersion: API,
  kind: 'LLMPolicy',
  metadata: { name: 'teams', namespace: 'platform' },
  spec: {
    namespaceSelector: {},
    budgets: [{ name: 'monthly', period: { unit: 'Month' }, leaseWait: '2s', ...budget }],
    ...more,
  },
});

export async function metricsOf({ admin }: RunningOperator): Promise<string> {
  return (await fetch(`http://127.0.0.1:${admin.port}/metrics`)).text();
}
