/** Snapshots and compilations written by hand, small enough to read. */
import { createHash } from 'node:crypto';
import type { Compiled } from '../../../../operator/compile/types.ts';
import { snapshotHash } from '../../../../sidecar/snapshot/hash.ts';
import {
  type CredentialSet,
  type ProviderItem,
  type RouteItem,
  SNAPSHOT_VERSION,
  type Snapshot,
  type SnapshotItem,
} from '../../../../sidecar/snapshot/schema.ts';

export function snapshotOf(...items: SnapshotItem[]): Snapshot {
  const sorted = items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { version: SNAPSHOT_VERSION, hash: snapshotHash(sorted), items: sorted };
}

export function routeItem(name: string, generation = 1, changes: Partial<RouteItem> = {}): RouteItem {
  return {
    kind: 'Route',
    id: `route/shop/${name}`,
    generation,
    state: 'Valid',
    requires: [],
    rank: 0,
    models: [name],
    body: {
      namespace: 'shop',
      name,
      uid: `uid-route-${name}`,
      rules: [
        {
          name: 'all',
          matches: [],
          strategy: { type: 'Weighted' },
          targets: [
            {
              name: 'main',
              provider: 'provider/shop/openai',
              weight: 1,
              priority: 0,
              patch: { set: [], default: [], remove: [], headers: [] },
            },
          ],
          failover: { on: ['Connect'], maxAttempts: 3, backoff: { baseMs: 100, maxMs: 1000 } },
          timeouts: {
            connectMs: 1000,
            firstTokenMs: 1000,
            interTokenMs: 1000,
            attemptMs: 1000,
            requestMs: 1000,
            clientStallMs: 1000,
          },
          holdMaxMs: 5000,
          passthrough: [],
          statefulTarget: 0,
          forwardHeaders: [],
        },
      ],
    },
    ...changes,
  };
}

/** A route that the operator could not compile. */
export function invalidRoute(name: string, generation: number, reason: string): RouteItem {
  const { body: _, ...header } = routeItem(name, generation);
  return { ...header, state: 'Invalid', reason };
}

export function providerItem(name = 'openai', generation = 1): ProviderItem {
  return {
    kind: 'Provider',
    id: `provider/shop/${name}`,
    generation,
    state: 'Valid',
    requires: [],
    body: {
      namespace: 'shop',
      name,
      type: 'OpenAI',
      url: 'https://api.openai.com/v1',
      headers: [],
      credentials: [{ name: 'main', id: `shop/${name}/main`, type: 'APIKey', weight: 1 }],
      models: [],
      openModels: true,
      streamUsage: 'OnRequest',
      passive: { consecutiveErrors: 5, ejectionMs: 1000, maxEjectionMs: 10_000 },
    },
  };
}

export function keys(values: Record<string, string>): CredentialSet {
  const credentials = Object.entries(values).map(([id, value]) => ({ id, value }));
  const version = createHash('sha256').update(JSON.stringify(credentials)).digest('hex').slice(0, 16);
  return { version, credentials };
}

/** One audience of a compilation: what pods with `app=<app>` run; `*`: every other pod. */
export interface Share {
  app: string;
  snapshot: Snapshot;
  credentials?: CredentialSet;
}

export function compiledOf(...shares: Share[]): Compiled {
  const none: Share = { app: '*', snapshot: snapshotOf() };
  const shareOf = (labels: Readonly<Record<string, string>>): Share =>
    shares.find(({ app }) => app === labels['app']) ?? shares.find(({ app }) => app === '*') ?? none;
  return {
    versions: [SNAPSHOT_VERSION],
    snapshotFor: ({ labels }) => shareOf(labels).snapshot,
    credentialsFor: ({ labels }) => shareOf(labels).credentials ?? keys({}),
    mints: [],
    vectorsWanted: [],
    verdicts: [],
    budgets: [],
    selects: () => true,
    routesOf: () => [],
  };
}
