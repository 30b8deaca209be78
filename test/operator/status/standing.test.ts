import { describe, expect, it } from 'vitest';
import { SnapshotHistory } from '../../../operator/status/snapshot-history.ts';
import { standingOf, wantedOf } from '../../../operator/status/standing.ts';
import type { ProxyState } from '../../../operator/sync/registry.ts';
import type { Acknowledgement, ItemException } from '../../../sidecar/snapshot/messages.ts';
import type { CredentialSet, ProviderItem, RouteItem, Snapshot } from '../../../sidecar/snapshot/schema.ts';

const provider = (generation = 1, change: Partial<ProviderItem> = {}): ProviderItem => ({
  kind: 'Provider',
  id: 'provider/shop/p',
  generation,
  state: 'Valid',
  requires: [],
  body: {
    namespace: 'shop',
    name: 'p',
    type: 'OpenAI',
    url: 'https://example.com/v1',
    headers: [],
    credentials: [{ name: 'main', id: 'shop/p/main', type: 'APIKey', weight: 1 }],
    models: [],
    openModels: true,
    streamUsage: 'OnRequest',
    passive: { consecutiveErrors: 5, ejectionMs: 5000, maxEjectionMs: 60_000 },
  },
  ...change,
});

const route = (generation = 1, change: Partial<RouteItem> = {}): RouteItem => ({
  kind: 'Route',
  id: 'route/shop/r',
  generation,
  state: 'Valid',
  requires: [],
  rank: 1,
  models: ['m'],
  body: {
    namespace: 'shop',
    name: 'r',
    uid: 'u',
    rules: [{ targets: [{ provider: 'provider/shop/p' }, { provider: 'provider/elsewhere/q' }] }],
  } as unknown as NonNullable<RouteItem['body']>,
  ...change,
});

const snapshot = (hash: string, ...items: Snapshot['items']): Snapshot => ({ version: 1, hash, items });
const keys = (version: string, ...ids: string[]): CredentialSet => ({
  version,
  credentials: ids.map((id) => ({ id, value: 'secret' })),
});

function proxy(ack: Partial<Acknowledgement> | undefined, change: Partial<ProxyState> = {}): ProxyState {
  return {
    pod: { namespace: 'shop', name: 'web', uid: 'w' },
    labels: {},
    connected: true,
    connectedSince: 0,
    lastSeen: 0,
    disconnectedAt: undefined,
    sentHash: undefined,
    ack: ack && { hash: 'now', credentialsVersion: 'k1', exceptions: [], ...ack },
    proxyVersion: '1',
    features: [],
    outdated: false,
    ...change,
  };
}

const history = new SnapshotHistory();
const current = snapshot('now', provider(), route());
history.remember(snapshot('old-route', provider(), route(0)), keys('k0'));
history.remember(snapshot('old-provider', provider(0), route()), keys('k0'));
history.remember(
  snapshot('unrelated', provider(), route(1, { rank: 7 })),
  keys('k2', 'shop/p/main', 'shop/x/y'),
);
history.remember(snapshot('before-all'), keys('k0'));
history.remember(current, keys('k1', 'shop/p/main'));

function standing(state: ProxyState | undefined, id = 'route/shop/r') {
  const items = new Map(current.items.map((item) => [item.id, item]));
  const item = items.get(id);
  if (!item) throw new Error(`no ${id}`);
  return standingOf(state, wantedOf(item, items, new Set(['shop/p/main'])), history);
}

const exception = (id: string, change: Partial<ItemException> = {}): ItemException => ({
  id,
  state: 'Rejected',
  reason: 'no',
  ...change,
});

describe('standingOf', () => {
  it.each<[string, ProxyState | undefined, object]>([
    ['it was never heard of', undefined, { state: 'New' }],
    ['it has connected and not reported', proxy(undefined), { state: 'New' }],
    ['it has reported and not evaluated anything', proxy({ hash: '' }), { state: 'New' }],
    ['it runs the current snapshot', proxy({}), { state: 'Runs' }],
    [
      'it runs another snapshot with the same version of this',
      proxy({ hash: 'unrelated' }),
      { state: 'Runs' },
    ],
    ['it has later keys', proxy({ credentialsVersion: 'k2' }), { state: 'Runs' }],
    ['it runs an older version', proxy({ hash: 'old-route' }), { state: 'Behind', older: true }],
    ['its snapshot lacks it', proxy({ hash: 'before-all' }), { state: 'Behind', older: false }],
    ['it runs something nobody remembers', proxy({ hash: 'ancient' }), { state: 'Behind', older: true }],
    [
      'it has an older version of a provider, of which the provider itself tells',
      proxy({ hash: 'old-provider' }),
      { state: 'Runs' },
    ],
    [
      'it has an older version of a provider, and refused that',
      proxy({ hash: 'old-provider', exceptions: [exception('provider/shop/p')] }),
      { state: 'Behind', older: true },
    ],
    ['a key has not reached it', proxy({ credentialsVersion: 'k0' }), { state: 'Behind', older: false }],
    ['its keys are unknown', proxy({ credentialsVersion: '' }), { state: 'Behind', older: false }],
    [
      'it refuses the route',
      proxy({ exceptions: [exception('route/shop/r')] }),
      { state: 'Refused', item: 'route/shop/r', reason: 'no', unsupported: false, older: false },
    ],
    [
      'it refuses the route and keeps the one before',
      proxy({ exceptions: [exception('route/shop/r', { state: 'Stale' })] }),
      { state: 'Refused', item: 'route/shop/r', reason: 'no', unsupported: false, older: true },
    ],
    [
      'it refuses a provider of the route',
      proxy({ exceptions: [exception('provider/shop/p')] }),
      { state: 'Refused', item: 'provider/shop/p', reason: 'no', unsupported: false, older: false },
    ],
    ['it refuses something else', proxy({ exceptions: [exception('route/shop/other')] }), { state: 'Runs' }],
    [
      'it refuses the same version in an older snapshot',
      proxy({ hash: 'unrelated', exceptions: [exception('route/shop/r')] }),
      { state: 'Refused', item: 'route/shop/r', reason: 'no', unsupported: false, older: false },
    ],
    [
      'what it refused was an older version',
      proxy({ hash: 'old-route', exceptions: [exception('route/shop/r')] }),
      { state: 'Behind', older: true },
    ],
    [
      'its protocol is too old',
      proxy({ hash: 'old-route' }, { outdated: true }),
      {
        state: 'Refused',
        item: 'route/shop/r',
        reason: 'its protocol is no longer served: outrider restart --outdated replaces it',
        unsupported: true,
        older: true,
      },
    ],
  ])('when %s', (_, state, expected) => {
    expect(standing(state)).toEqual(expected);
  });

  it('calls a refusal unsupported where the sidecar lacks a feature that the item requires', () => {
    const items = new Map([['route/shop/r', route(2, { requires: ['patch', 'teleport'] })]]);
    const wanted = wantedOf(items.get('route/shop/r') as RouteItem, items, new Set());
    history.remember(snapshot('features', ...items.values()), keys('k9'));
    const refused = (features: string[]) =>
      standingOf(
        proxy({ hash: 'features', exceptions: [exception('route/shop/r')] }, { features }),
        wanted,
        history,
      );
    expect(refused(['patch'])).toMatchObject({ unsupported: true });
    expect(refused(['patch', 'teleport'])).toMatchObject({ unsupported: false });
  });

  it('does not call it a refusal where the operator itself holds the item invalid', () => {
    const { body: _, ...rest } = route(3, { state: 'Invalid' });
    const invalid: RouteItem = rest;
    const items = new Map([[invalid.id, invalid]]);
    const wanted = wantedOf(invalid, items, new Set());
    history.remember(snapshot('invalid', ...items.values()), keys('k9'));
    for (const [state, older] of [
      ['Stale', true],
      ['Rejected', false],
    ] as const) {
      const kept = proxy({ hash: 'invalid', exceptions: [exception('route/shop/r', { state })] });
      expect(standingOf(kept, wanted, history)).toEqual({ state: 'Behind', older });
    }
  });

  it('asks of a provider nothing but itself and its keys', () => {
    expect(standing(proxy({ hash: 'old-route', credentialsVersion: 'k0' }), 'provider/shop/p')).toEqual({
      state: 'Behind',
      older: false, // only the keys of that time are missing
    });
    expect(standing(proxy({ hash: 'old-route' }), 'provider/shop/p')).toEqual({
      state: 'Runs',
    });
  });
});

describe('SnapshotHistory', () => {
  it('forgets the oldest beyond its bound and keeps what is in use', () => {
    const bounded = new SnapshotHistory();
    for (let i = 0; i < 500; i += 1) bounded.remember(snapshot(`h${i}`), keys(`v${i}`));
    bounded.remember(snapshot('h3'), keys('v3'));
    bounded.trim(2);
    expect(bounded.items('h3')).toBeDefined();
    expect(bounded.items('h499')).toBeDefined();
    expect(bounded.items('h0')).toBeUndefined();
    const left = Array.from({ length: 500 }, (_, i) => `h${i}`).filter((hash) => bounded.items(hash));
    expect(left).toHaveLength(130);
    expect(bounded.credentials('v0')).toBeUndefined();
  });
});
