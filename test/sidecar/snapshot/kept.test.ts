/** A route turns invalid and names other providers than its older body, which goes on serving: compile and sidecar together. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { LLMProvider } from '../../../crds/llmprovider.ts';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { Resources } from '../../../operator/compile/types.ts';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import { ConfigHolder } from '../../../sidecar/snapshot/holder.ts';
import { InProcessSource } from '../../../sidecar/snapshot/source.ts';
import { readCase } from '../../operator/compile/case.ts';

const { resources: START, options } = readCase(`
platformNamespaces: [platform]
workloads: [{ namespace: shop, name: web-1 }]
---
kind: Secret
metadata: { namespace: platform, name: keys, uid: u, resourceVersion: "41", labels: { outrider.dev/provider-credential: "true" } }
stringData: { main: sk-main, spare: sk-spare }
---
kind: LLMProvider
metadata: { namespace: platform, name: old }
spec:
  type: OpenAICompatible
  endpoint: { url: "http://old/v1" }
  credentials:
  - { name: main, type: APIKey, secretRef: { name: keys, key: main } }
  - { name: spare, type: APIKey, secretRef: { name: keys, key: spare }, namespaces: { matchLabels: { team: none } } }
  allowedNamespaces: { from: All }
---
kind: LLMProvider
metadata: { namespace: shop, name: new }
spec: { type: OpenAICompatible, endpoint: { url: "http://new/v1" } }
---
kind: LLMRoute
metadata: { namespace: shop, name: chat, generation: 1 }
spec: { models: [chat], rules: [{ name: r, targets: [{ name: t, provider: { name: old } }] }] }
`);
const KEY = 'platform/old/main';
const OLD = 'provider/platform/old';
const [pod] = START.pods;
if (!pod) throw new Error('the case has a pod');

/** Names another provider, and is wrong besides. */
function broken(resources: Resources): Resources {
  const routes = structuredClone(resources.routes) as LLMRoute[];
  for (const route of routes) {
    route.metadata.generation = 2;
    route.spec = {
      models: ['chat'],
      rules: [{ name: 'r', targets: [{ name: 't', provider: { name: 'new' }, weight: -1 }] }],
    };
  }
  return { ...resources, routes };
}

let credentials: CredentialStore;
let holder: ConfigHolder;
let source: InProcessSource;

const publish = (resources: Resources) => {
  const compiled = compile(resources, options);
  return source.publish(compiled.snapshotFor(pod), compiled.credentialsFor(pod));
};
const runs = () => ({
  route: holder.effective?.routes[0]?.generation,
  old: holder.effective?.providers.get(OLD)?.body?.url,
  key: credentials.get(KEY),
});

beforeEach(async () => {
  credentials = new CredentialStore();
  holder = new ConfigHolder({ credentials });
  source = new InProcessSource();
  await source.start(holder, credentials);
});

describe('a provider that only the older body uses', () => {
  beforeEach(() => void publish(START));

  it('stays with its key, and is told of', () => {
    const { exceptions } = publish(broken(START));
    expect(runs()).toEqual({ route: 1, old: 'http://old/v1', key: 'sk-main' });
    expect(exceptions).toMatchObject([
      { id: 'route/shop/chat', state: 'Stale', runningGeneration: 1 },
      { id: OLD, state: 'Stale', reason: 'only the version of route/shop/chat that runs here uses it' },
    ]);
    publish(broken(START));
    expect(runs()).toEqual({ route: 1, old: 'http://old/v1', key: 'sk-main' });
  });

  it('stays across a restart', () => {
    publish(broken(START));
    const remembered = holder.remembered();
    if (!remembered) throw new Error('something runs');
    holder = new ConfigHolder({ credentials });
    holder.restore(structuredClone(remembered), 1000);
    expect(runs()).toEqual({ route: 1, old: 'http://old/v1', key: 'sk-main' });
  });

  it('is not sent, nor is its key, to a sidecar without the older body', async () => {
    const compiled = compile(broken(START), options);
    expect(compiled.snapshotFor(pod).items.map(({ id }) => id)).toEqual([
      'provider/shop/new',
      'route/shop/chat',
    ]);
    expect(compiled.credentialsFor(pod).credentials).toEqual([]);
    const fresh = new ConfigHolder();
    expect(fresh.apply(compiled.snapshotFor(pod)).exceptions).toMatchObject([{ state: 'Rejected' }]);
    expect(fresh.effective?.providers.get(OLD)).toBeUndefined();
  });

  it('goes with its key when it is deleted', () => {
    publish(
      broken({ ...START, providers: START.providers.filter(({ metadata }) => metadata.name !== 'old') }),
    );
    expect(runs()).toEqual({ route: 1, old: undefined, key: undefined });
  });

  it('goes with its key when the grant is taken back, also later', () => {
    publish(broken(START));
    const providers = structuredClone(START.providers) as LLMProvider[];
    for (const { spec } of providers) delete spec?.allowedNamespaces;
    publish(broken({ ...START, providers }));
    expect(runs()).toEqual({ route: 1, old: undefined, key: undefined });
  });

  it.each<[string, (secret: Resources['secrets'][number]) => unknown]>([
    ['goes', () => []],
    [
      'is another',
      (secret) => [
        {
          ...secret,
          metadata: { ...secret.metadata, resourceVersion: '42' },
          stringData: { main: 'sk-new' },
        },
      ],
    ],
    ['loses its label', (secret) => [{ ...secret, metadata: { ...secret.metadata, labels: {} } }]],
  ])('loses its key when the Secret %s', (_, change) => {
    const secrets = START.secrets.flatMap((secret) => change(secret) as Resources['secrets']);
    publish(broken({ ...START, secrets }));
    expect(runs()).toEqual({ route: 1, old: 'http://old/v1', key: undefined });
  });

  it('goes when the route is valid again without it', () => {
    publish(broken(START));
    const routes = structuredClone(broken(START).routes) as LLMRoute[];
    for (const { spec } of routes) delete spec?.rules[0]?.targets[0]?.weight;
    expect(publish({ ...START, routes }).exceptions).toEqual([]);
    expect(runs()).toEqual({ route: 2, old: undefined, key: undefined });
  });

  it('does not bring keys that its namespace never had', () => {
    publish(broken(START));
    const [route] = compile(broken(START), options)
      .snapshotFor(pod)
      .items.filter(({ kind }) => kind === 'Route');
    expect(route).toMatchObject({
      keeps: [
        { provider: OLD, credentials: [{ id: KEY, version: 'u.41' }] },
        { provider: 'provider/shop/new', credentials: [] },
      ],
    });
  });
});
