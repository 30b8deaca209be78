import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiClient } from '../../../operator/watch/api-client.ts';
import { apiConfig } from '../../../operator/watch/api-config.ts';
import { KubernetesSource, type KubernetesSourceOptions } from '../../../operator/watch/kubernetes-source.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import type { SourceChange } from '../../../operator/watch/source.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { type Call, ScriptedApiServer } from '../support/scripted-api-server.ts';

let server: ScriptedApiServer;
let source: KubernetesSource;
let changes: SourceChange[];
let watches: Map<string, Call>;

function start(options: Partial<KubernetesSourceOptions> = {}): void {
  const clock = new ManualClock();
  const load = () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'test', server: server.url, skipTLSVerify: false },
      { name: 'test', token: 'token' },
    );
    return config;
  };
  source = new KubernetesSource({
    client: apiClient(apiConfig(load), clock),
    clock,
    random: () => 0.5,
    log: silentLog,
    observer: { restarted: () => {}, relisted: () => {} },
    namespaces: ['*'],
    credentialsNamespaces: ['*'],
    ...options,
  });
  source.onChange((change) => changes.push(change));
  void source.start();
}

/** Takes the open calls of all watches, by path. */
async function accept(count: number): Promise<void> {
  watches = new Map();
  for (let i = 0; i < count; i += 1) {
    const call = await server.next();
    watches.set(`${call.url.pathname}${call.query.get('fieldSelector') ?? ''}`, call.open());
  }
}

const watch = (path: string) => {
  const call = watches.get(path);
  if (!call) throw new Error(`no watch of ${path}; there are ${[...watches.keys()].join(', ')}`);
  return call;
};

const ROUTES = '/apis/outrider.dev/v1alpha1/llmroutes';
const PODS = '/api/v1/pods';

function object(kind: string, name: string, rest: object = {}, metadata: object = {}) {
  return {
    apiVersion: kind.startsWith('LLM') ? 'outrider.dev/v1alpha1' : 'v1',
    kind,
    metadata: { name, namespace: 'shop', uid: `${kind}-${name}`, resourceVersion: '1', ...metadata },
    ...rest,
  };
}

beforeEach(async () => {
  server = await new ScriptedApiServer().start();
  changes = [];
});

afterEach(async () => {
  await source.stop();
  await server.stop();
});

describe('what it asks for', () => {
  it('watches each kind once in all namespaces, Secrets and pods by label', async () => {
    start();
    await accept(6);
    expect(
      [...watches].map(([path, call]) => `${path} ${call.query.get('labelSelector') ?? ''}`.trim()).sort(),
    ).toEqual([
      '/api/v1/namespaces',
      '/api/v1/pods outrider.dev/sidecar=true',
      '/api/v1/secrets outrider.dev/provider-credential=true',
      '/apis/outrider.dev/v1alpha1/llmpolicies',
      '/apis/outrider.dev/v1alpha1/llmproviders',
      '/apis/outrider.dev/v1alpha1/llmroutes',
    ]);
  });

  it('asks only in the namespaces it was given, and for no Secret where none was given', async () => {
    start({ namespaces: ['a', 'b'], credentialsNamespaces: ['b'] });
    await accept(11);
    expect([...watches.keys()].sort()).toEqual([
      '/api/v1/namespaces/a/pods',
      '/api/v1/namespaces/b/pods',
      '/api/v1/namespaces/b/secrets',
      '/api/v1/namespacesmetadata.name=a',
      '/api/v1/namespacesmetadata.name=b',
      '/apis/outrider.dev/v1alpha1/namespaces/a/llmpolicies',
      '/apis/outrider.dev/v1alpha1/namespaces/a/llmproviders',
      '/apis/outrider.dev/v1alpha1/namespaces/a/llmroutes',
      '/apis/outrider.dev/v1alpha1/namespaces/b/llmpolicies',
      '/apis/outrider.dev/v1alpha1/namespaces/b/llmproviders',
      '/apis/outrider.dev/v1alpha1/namespaces/b/llmroutes',
    ]);
    await source.stop();
    await server.stop();
    server = await new ScriptedApiServer().start();
    start({ credentialsNamespaces: [] });
    await accept(5);
    expect([...watches.keys()].some((path) => path.includes('secrets'))).toBe(false);
  });
});

describe('what it knows', () => {
  beforeEach(async () => {
    start();
    await accept(6);
  });

  async function sync(): Promise<void> {
    for (const call of watches.values()) call.bookmark('10', true);
    await source.synced;
  }

  it('is synced only when every list is complete', async () => {
    let synced = false;
    const done = (async () => {
      await source.synced;
      synced = true;
    })();
    const [last, ...others] = [...watches.values()];
    for (const call of others) call.bookmark('10', true);
    await until(() => source.health().filter((list) => list.synced).length === 5);
    expect(synced).toBe(false);
    last?.bookmark('10', true);
    await done;
    expect(source.health().every(({ error }) => error === undefined)).toBe(true);
  });

  it('keeps of each object what is needed', async () => {
    watch('/api/v1/secrets').event(
      'ADDED',
      object(
        'Secret',
        's',
        { data: { k: 'djE=' }, type: 'Opaque' },
        {
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"copy of the key"}' },
          labels: { 'outrider.dev/provider-credential': 'true' },
        },
      ),
    );
    watch(ROUTES).event(
      'ADDED',
      object(
        'LLMRoute',
        'r',
        { spec: {}, status: { observedGeneration: 1 } },
        {
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', keep: 'this' },
        },
      ),
    );
    watch('/api/v1/namespaces').event(
      'ADDED',
      object('Namespace', 'shop', { spec: { finalizers: [] } }, { namespace: undefined, labels: { a: 'b' } }),
    );
    await sync();
    const { routes, secrets, namespaces } = source.resources();
    expect(JSON.stringify(secrets)).not.toContain('copy of the key');
    expect(secrets[0]).toMatchObject({ data: { k: 'djE=' }, metadata: { namespace: 'shop', name: 's' } });
    expect(routes[0]?.metadata.annotations).toEqual({ keep: 'this' });
    expect(namespaces).toEqual([{ name: 'shop', labels: { a: 'b' } }]);
    expect(source.object('LLMRoute', 'shop/r')?.status).toEqual({ observedGeneration: 1 });
    expect(source.object('LLMProvider', 'shop/r')).toBeUndefined();
  });

  it('tells a change of content from one of status', async () => {
    const route = (version: string, generation: number, status: object) =>
      object(
        'LLMRoute',
        'r',
        { spec: { models: [String(generation)] }, status },
        { resourceVersion: version, generation },
      );
    watch(ROUTES).event('ADDED', route('2', 1, {}));
    await sync();
    changes.length = 0;
    watch(ROUTES).event('MODIFIED', route('3', 1, { observedGeneration: 1 }));
    watch(ROUTES).event('MODIFIED', route('4', 2, { observedGeneration: 1 }));
    watch(ROUTES).event('DELETED', route('5', 2, {}));
    await until(() => changes.length === 3);
    expect(changes.map(({ kind, key, effect }) => `${kind} ${key} ${effect}`)).toEqual([
      'LLMRoute shop/r Status',
      'LLMRoute shop/r Content',
      'LLMRoute shop/r Content',
    ]);
    expect(source.resources().routes).toEqual([]);
  });

  it('hands the same object to compile for as long as nothing else is to be compiled', async () => {
    const route = (version: string, generation: number, model: string, rest: object = {}) =>
      object(
        'LLMRoute',
        'r',
        { spec: { models: [model] }, status: { observedGeneration: 1 }, ...rest },
        { resourceVersion: version, generation },
      );
    watch(ROUTES).event('ADDED', route('2', 1, 'a', { status: {} }));
    await sync();
    const [first] = source.resources().routes;
    expect(first?.status).toBeUndefined();
    watch(ROUTES).event('MODIFIED', route('3', 1, 'a'));
    await until(() => source.object('LLMRoute', 'shop/r')?.metadata.resourceVersion === '3');
    expect(source.object('LLMRoute', 'shop/r')?.status).toEqual({ observedGeneration: 1 });
    expect(source.resources().routes[0]).toBe(first);
    // As a server restored from a backup may send it: the generation is one that was there before.
    watch(ROUTES).event('MODIFIED', route('4', 1, 'b'));
    await until(() => source.object('LLMRoute', 'shop/r')?.metadata.resourceVersion === '4');
    expect(source.resources().routes).toMatchObject([{ spec: { models: ['b'] } }]);
  });

  it('follows a pod from its first init container to its end', async () => {
    await sync();
    changes.length = 0;
    let version = 20;
    const pod = (type: string, status: object, metadata: object = {}) => {
      version += 1;
      watch(PODS).event(
        type,
        object(
          'Pod',
          'web',
          { status },
          { resourceVersion: String(version), labels: { app: 'web' }, ...metadata },
        ),
      );
    };
    const started = { running: { startedAt: '2026-01-01T00:00:05Z' } };
    const sidecar = (state: object) => [{ name: 'outrider', state }];
    pod('ADDED', { phase: 'Pending' });
    pod('MODIFIED', { phase: 'Pending', initContainerStatuses: sidecar({ waiting: {} }) });
    await until(() => changes.length === 2);
    expect(source.pod('Pod-web')).toEqual({
      namespace: 'shop',
      name: 'web',
      uid: 'Pod-web',
      labels: { app: 'web' },
    });
    pod('MODIFIED', { phase: 'Pending', initContainerStatuses: sidecar(started) });
    await until(() => changes.length === 3);
    expect(source.pod('Pod-web')?.runningSince).toBe(Date.parse('2026-01-01T00:00:05Z'));
    pod(
      'MODIFIED',
      { phase: 'Running', initContainerStatuses: sidecar(started) },
      { deletionTimestamp: 'now' },
    );
    await until(() => changes.length === 4);
    expect(source.pod('Pod-web')?.terminating).toBe(true);
    pod('MODIFIED', { phase: 'Succeeded', initContainerStatuses: sidecar({ terminated: {} }) });
    await until(() => changes.length === 5);
    expect(source.pod('Pod-web')).toBeUndefined();
    expect(changes.map(({ effect }) => effect)).toEqual(['Content', 'Status', 'Status', 'Status', 'Content']);
    // A pod of the same name is another pod; whoever knew the first hears of both.
    pod('ADDED', { phase: 'Running', startTime: '2026-01-01T00:01:00Z' }, { uid: 'second' });
    await until(() => changes.length === 7);
    expect(changes.slice(5).map(({ uid }) => uid)).toEqual(['Pod-web', 'second']);
    expect(source.pod('second')?.runningSince).toBe(Date.parse('2026-01-01T00:01:00Z'));
    expect(source.resources().pods).toHaveLength(1);
  });

  it('counts a sidecar that was started again from the start of its pod: it has something to run', async () => {
    const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
    const status = (restartCount: number) => ({
      phase: 'Running',
      startTime: at(1),
      initContainerStatuses: [{ name: 'outrider', restartCount, state: { running: { startedAt: at(9) } } }],
    });
    await sync();
    const labels = { app: 'web' };
    watch(PODS).event(
      'ADDED',
      object('Pod', 'first', { status: status(0) }, { resourceVersion: '21', labels }),
    );
    watch(PODS).event(
      'ADDED',
      object('Pod', 'again', { status: status(1) }, { resourceVersion: '22', labels }),
    );
    await until(() => source.pod('Pod-again') !== undefined);
    expect(source.pod('Pod-first')?.runningSince).toBe(Date.parse(at(9)));
    expect(source.pod('Pod-again')?.runningSince).toBe(Date.parse(at(1)));
  });

  it('answers the same resources until something changes', async () => {
    await sync();
    const before = source.resources();
    expect(source.resources()).toBe(before);
    watch(ROUTES).event('ADDED', object('LLMRoute', 'r', {}, { resourceVersion: '30' }));
    await until(() => source.resources() !== before);
  });
});
