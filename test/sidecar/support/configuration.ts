/** Small snapshots for tests: only what a test is about is spelled out. */
import { snapshotHash } from '../../../sidecar/snapshot/hash.ts';
import type {
  CredentialSet,
  ProviderBody,
  ProviderItem,
  RouteItem,
  RuleBody,
  Snapshot,
  TargetBody,
} from '../../../sidecar/snapshot/schema.ts';

export function providerItem(name: string, url: string, body: Partial<ProviderBody> = {}): ProviderItem {
  return {
    kind: 'Provider',
    id: `provider/shop/${name}`,
    generation: 1,
    state: 'Valid',
    requires: [],
    body: {
      namespace: 'shop',
      name,
      type: 'OpenAICompatible',
      url,
      headers: [],
      credentials: [{ name: 'main', id: `shop/${name}/main`, type: 'APIKey', weight: 1 }],
      models: [],
      openModels: true,
      streamUsage: 'OnRequest',
      passive: { consecutiveErrors: 5, ejectionMs: 5000, maxEjectionMs: 120_000 },
      ...body,
    },
  };
}

export function target(name: string, body: Partial<TargetBody> = {}): TargetBody {
  return {
    name,
    provider: `provider/shop/${name}`,
    weight: 1,
    priority: 0,
    patch: { set: [], default: [], remove: [], headers: [] },
    ...body,
  };
}

export function rule(targets: TargetBody[], body: Partial<RuleBody> = {}): RuleBody {
  return {
    name: 'main',
    matches: [],
    strategy: { type: 'Weighted' },
    targets,
    failover: {
      on: [
        'Connect',
        'Timeout',
        'RateLimited',
        'ServerError',
        'StreamError',
        'Unauthorized',
        'QuotaExhausted',
        'ModelNotFound',
      ],
      maxAttempts: Math.min(3, targets.length),
      backoff: { baseMs: 1, maxMs: 10 },
    },
    timeouts: {
      connectMs: 3000,
      firstTokenMs: 60_000,
      interTokenMs: 60_000,
      attemptMs: 600_000,
      requestMs: 900_000,
      clientStallMs: 300_000,
    },
    holdMaxMs: 5000,
    passthrough: [],
    statefulTarget: 0,
    forwardHeaders: [],
    ...body,
  };
}

export function routeItem(name: string, models: string[], rules: RuleBody[]): RouteItem {
  return {
    kind: 'Route',
    id: `route/shop/${name}`,
    generation: 1,
    state: 'Valid',
    requires: rules.some((r) => r.passthrough.length > 0) ? ['passthrough'] : [],
    rank: 0,
    models,
    body: { namespace: 'shop', name, uid: `uid-${name}`, rules },
  };
}

export function snapshotOf(items: Snapshot['items']): Snapshot {
  const sorted = items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { version: 1, hash: snapshotHash(sorted), items: sorted };
}

/** A key for every credential in the snapshot. */
export function credentialsOf(snapshot: Snapshot, value = 'sk-test'): CredentialSet {
  const credentials = snapshot.items.flatMap((item) =>
    item.kind === 'Provider' ? (item.body?.credentials ?? []).map(({ id }) => ({ id, value })) : [],
  );
  return { version: '1', credentials };
}
