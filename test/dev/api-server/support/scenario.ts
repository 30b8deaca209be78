/** One behaviour of the Kubernetes API, told as requests to any server. */
import type { Client, Json } from './client.ts';

export interface Scenario {
  name: string;
  /** False where answers hold more than the behaviour in question, such as a Pod's defaults; says why. */
  untranscribed?: string;
  run(context: ScenarioContext): Promise<void>;
}

export interface ScenarioContext {
  client: Client;
  /** A namespace of its own that exists. */
  namespace: string;
  /** /apis/conformance.outrider.dev/v1/namespaces/NAMESPACE/routes */
  routes: string;
  providers: string;
  /** /api/v1/namespaces/NAMESPACE */
  core: string;
}

export const contextFor = (client: Client, scenario: string): ScenarioContext => {
  const namespace = scenario
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 63)
    .replace(/-$/, '');
  const ours = `/apis/conformance.outrider.dev/v1/namespaces/${namespace}`;
  return {
    client,
    namespace,
    routes: `${ours}/routes`,
    providers: `${ours}/providers`,
    core: `/api/v1/namespaces/${namespace}`,
  };
};

export const createNamespace = (client: Client, name: string): Promise<unknown> =>
  client.post('/api/v1/namespaces', { metadata: { name } });

/** A valid Route; `spec` members replace or add. */
export const route = (name: string, spec: Json = {}, metadata: Json = {}): Json => ({
  apiVersion: 'conformance.outrider.dev/v1',
  kind: 'Route',
  metadata: { name, ...metadata },
  spec: { models: [name], rules: [rule('main')], ...spec },
});

export const rule = (name: string, more: Json = {}): Json => ({
  name,
  targets: [{ name: 'first', provider: { name: 'openai' } }],
  ...more,
});

export const provider = (name: string, spec: Json = {}, metadata: Json = {}): Json => ({
  apiVersion: 'conformance.outrider.dev/v1',
  kind: 'Provider',
  metadata: { name, ...metadata },
  spec: { type: 'Vendor', ...spec },
});

export const condition = (type: string, status = 'True', more: Json = {}): Json => ({
  type,
  status,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  reason: 'Tested',
  message: '',
  ...more,
});
