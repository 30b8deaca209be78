/** The installation that the operator bench measures: many teams, each with routes, providers, keys and pods. */
import type { KubeObject } from '../../crds/common.ts';
import type { Cluster } from '../../test/operator/support/cluster.ts';

export interface Size {
  routes: number;
  providers: number;
  teams: number;
}

export const FULL_SIZE: Size = { routes: 2_000, providers: 500, teams: 100 };
export const PLATFORM = 'platform';
/** A provider of the platform's that every tenth route of a team falls back to. */
export const SHARED = 'shared';

export const teamOf = (n: number, { teams }: Size): string => `team-${String(n % teams).padStart(3, '0')}`;

const API_VERSION = 'outrider.dev/v1alpha1';
const IN_FLIGHT = 16;

/** Half are a vendor's own, with the models of the catalogue; half are servers of the team's, with models and prices of their own. */
export function provider(n: number, size: Size, version = 0): KubeObject {
  const name = `provider-${Math.floor(n / size.teams)}`;
  const credentials = [{ name: 'main', type: 'APIKey', secretRef: { name: 'keys', key: name } }];
  const own = {
    type: 'OpenAICompatible',
    endpoint: {
      url: `http://llm-${n}.models.svc:8000/v1`,
      headers: [{ name: 'x-version', value: String(version) }],
    },
    models: ['small', 'large', 'embed'].map((model) => ({
      name: model,
      upstreamName: `vendor/${model}-instruct`,
      capabilities: model === 'embed' ? ['Embeddings'] : ['Chat', 'Tools'],
      contextWindow: 131_072,
      pricing: [
        { unit: 'InputToken', perMillion: '0.20' },
        { unit: 'OutputToken', perMillion: '0.60' },
      ],
    })),
  };
  const vendor = {
    type: 'OpenAI',
    healthCheck: { passive: { consecutiveErrors: 5 + version } },
  };
  return {
    apiVersion: API_VERSION,
    kind: 'LLMProvider',
    metadata: { name, namespace: teamOf(n, size) },
    spec: { ...(n % 2 === 0 ? vendor : own), credentials },
  };
}

export function sharedProvider(version = 0): KubeObject {
  return {
    apiVersion: API_VERSION,
    kind: 'LLMProvider',
    metadata: { name: SHARED, namespace: PLATFORM },
    spec: {
      type: 'OpenAICompatible',
      endpoint: {
        url: 'http://shared.models.svc:8000/v1',
        headers: [{ name: 'x-version', value: String(version) }],
      },
      allowedNamespaces: { from: 'All' },
    },
  };
}

/** A route as teams write them: two rules, three targets, a pattern of headers. */
export function route(n: number, size: Size, version = 0): KubeObject {
  const inTeam = Math.floor(n / size.teams);
  const providers = Math.floor(size.providers / size.teams);
  // Of the team's own providers, where n and n + teams are of one team, every second team has vendors' only.
  const model = (n % size.teams) % 2 === 0 ? ['gpt-4o-mini', 'gpt-4o'] : ['small', 'large'];
  const target = (name: string, choice: number, priority: number) => ({
    name,
    provider: { name: `provider-${(inTeam + choice) % providers}` },
    model: model[choice],
    priority,
    weight: 10,
  });
  const last =
    inTeam % 10 === 0
      ? { name: 'last', provider: { name: SHARED, namespace: PLATFORM }, model: 'any', priority: 2 }
      : target('last', 0, 2);
  return {
    apiVersion: API_VERSION,
    kind: 'LLMRoute',
    metadata: { name: `route-${inTeam}`, namespace: teamOf(n, size) },
    spec: {
      models: [`assistant-${inTeam}`, `team-${inTeam}-*`],
      rules: [
        {
          name: 'long',
          matches: [
            { prompt: { tokens: { min: 1_000 + version } } },
            { headers: [{ name: 'x-tier', type: 'Exact', value: 'gold' }] },
          ],
          targets: [target('large', 1, 0), { ...target('small', 0, 1), name: 'small' }],
        },
        { name: 'all', targets: [target('small', 0, 0), target('large', 1, 1), last] },
      ],
    },
  };
}

export function secret(team: string, size: Size, version = 0): KubeObject & { data: Record<string, string> } {
  const keys = Array.from({ length: Math.ceil(size.providers / size.teams) }, (_, n) => [
    `provider-${n}`,
    Buffer.from(`sk-${team}-${n}-${version}-0123456789abcdef0123456789abcdef`).toString('base64'),
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: team, labels: { 'outrider.dev/provider-credential': 'true' } },
    data: Object.fromEntries(keys) as Record<string, string>,
  };
}

/** Runs `work` for 0 to `count - 1`, a bounded number at a time. */
export async function each(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, worker));
}

export async function createWorld(cluster: Cluster, size: Size): Promise<void> {
  await cluster.namespace(PLATFORM);
  await cluster.create(sharedProvider());
  await each(size.teams, async (n) => {
    await cluster.namespace(teamOf(n, size));
    await cluster.create(secret(teamOf(n, size), size));
  });
  await each(size.providers, (n) => cluster.create(provider(n, size)));
  await each(size.routes, (n) => cluster.create(route(n, size)));
}
