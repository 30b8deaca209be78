import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../crds/common.ts';
import type { LLMRoute, LLMRouteStatus } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { Compiled, Resources, Workload } from '../../../operator/compile/types.ts';
import type { ClusterEvent } from '../../../operator/events.ts';
import type { Finding } from '../../../operator/status/conditions.ts';
import { StatusController } from '../../../operator/status/controller.ts';
import { ProxyTable } from '../../../operator/sync/registry.ts';
import type { ApiClient, ApiRequest } from '../../../operator/watch/api-client.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import type { Source, SourceChange } from '../../../operator/watch/source.ts';
import { aProvider, aRoute, brief } from '../support/cluster.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The copy of a cluster: what the controller reads of it and what it writes into it. */
class World implements Source, ApiClient {
  readonly synced = Promise.resolve();
  readonly objects = new Map<string, KubeObject>();
  pods: Workload[] = [];
  readonly writes: ApiRequest[] = [];
  /** Answers writes with this instead. */
  failure: Error | undefined;
  /** Whether the watch brings our own writes back at once. */
  echo = true;
  #version = 10;
  readonly #listeners = new Set<(change: SourceChange) => void>();

  put(object: KubeObject, effect: 'Content' | 'Status' = 'Content'): void {
    this.#version += 1;
    const { kind, metadata } = object;
    const key = `${metadata.namespace}/${metadata.name}`;
    const before = this.objects.get(`${kind}/${key}`);
    this.objects.set(`${kind}/${key}`, {
      ...object,
      metadata: {
        uid: `uid-${metadata.name}`,
        generation: 1,
        ...metadata,
        resourceVersion: String(this.#version),
      },
      status: object.status ?? before?.status,
    });
    this.tell({ kind: kind as 'LLMRoute', key, effect, uid: '' });
  }

  tell(change: SourceChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  resources(): Resources {
    const of = (kind: string) => [...this.objects.values()].filter((object) => object.kind === kind);
    return {
      routes: of('LLMRoute') as LLMRoute[],
      providers: of('LLMProvider') as Resources['providers'],
      secrets: [],
      namespaces: [{ name: 'shop', labels: {} }],
      pods: this.pods,
    };
  }

  object(kind: string, key: string): LLMRoute | undefined {
    return this.objects.get(`${kind}/${key}`) as LLMRoute | undefined;
  }

  onChange(listener: (change: SourceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async json<T>(request: ApiRequest): Promise<T> {
    this.writes.push(request);
    await Promise.resolve();
    if (this.failure) throw this.failure;
    const { kind, metadata, status } = request.body as KubeObject;
    const key = `${kind}/${metadata.namespace}/${metadata.name}`;
    const object = this.objects.get(key) as KubeObject;
    this.#version += 1;
    const written = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
      status,
    };
    if (this.echo) {
      this.objects.set(key, written);
      this.tell({
        kind: kind as 'LLMRoute',
        key: `${metadata.namespace}/${metadata.name}`,
        effect: 'Status',
        uid: '',
      });
    }
    return written as T;
  }

  stream = () => Promise.reject(new Error('not here'));
  pod = () => undefined;
  health = () => [];
  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  close = () => {};
}

let clock: ManualClock;
let world: World;
let table: ProxyTable;
let controller: StatusController;
let leader: boolean;
let runs: number;
let health: Omit<Finding, 'type'> | undefined;
let events: ClusterEvent[];

function make(): StatusController {
  return new StatusController({
    source: world,
    registry: table,
    client: world,
    clock,
    random: () => 0.5,
    log: silentLog,
    isLeader: () => leader,
    health: () => health,
    events: { emit: (event) => void events.push(event) },
    onRun: () => {
      runs += 1;
    },
    waits: { reconnectWindowMs: 30_000, pendingGraceMs: 1000 },
  });
}

beforeEach(() => {
  clock = new ManualClock();
  world = new World();
  table = new ProxyTable();
  leader = true;
  runs = 0;
  health = undefined;
  events = [];
  controller = make();
  world.put(aProvider());
  world.put(aRoute('r'));
});

afterEach(() => controller.stop());

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise<void>((done) => setImmediate(done));
    await controller.idle();
  }
}

const after = (ms: number) => clock.pass(ms, settle);

function compiled() {
  const result = compile(world.resources(), { platformNamespaces: [], now: clock.wall() });
  controller.compiled(result);
  return result;
}

const pod = (name: string, runningForMs = 600_000): Workload => ({
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  labels: {},
  runningSince: clock.wall() - runningForMs,
});

/** The sidecar of the pod says that it runs what was compiled. */
function acknowledge(
  workload: Workload,
  result = compile(world.resources(), { platformNamespaces: [], now: 0 }),
): void {
  table.merge(
    workload,
    {
      connected: true,
      lastSeen: clock.monotonic(),
      ack: {
        hash: result.snapshotFor(workload).hash,
        credentialsVersion: result.credentialsFor(workload).version,
        exceptions: [],
      },
    },
    clock.monotonic(),
  );
}

const status = (): LLMRouteStatus => world.object('LLMRoute', 'shop/r')?.status ?? {};
const routeWrites = () => world.writes.filter(({ path }) => path.includes('llmroutes'));

describe('the health of a provider', () => {
  const told = () => events.map(({ type, reason, regarding }) => `${type} ${reason} ${regarding.name}`);
  const hear = async (status: 'True' | 'False', reason: string) => {
    health = { status, reason, message: reason };
    controller.heardOf(['provider/shop/vendor']);
    await settle();
  };

  it('is told as an Event when the status says something new of it, and not before that is written', async () => {
    compiled();
    await hear('True', 'Answering');
    expect(told()).toEqual([]);
    world.failure = new ApiError(500, 'InternalError', 'not now');
    await hear('True', 'Worsening');
    expect(told()).toEqual([]);
    world.failure = undefined;
    await after(60_000);
    expect(told()).toEqual(['Warning Worsening vendor']);
    await hear('True', 'Worsening');
    await hear('True', 'Answering');
    expect(told()).toEqual(['Warning Worsening vendor', 'Normal Answering vendor']);
  });
});

describe('StatusController', () => {
  it('applies to the status subresource, with its own field manager and the version it decided for', async () => {
    compiled();
    await settle();
    expect(routeWrites()).toHaveLength(1);
    expect(routeWrites()[0]).toMatchObject({
      method: 'PATCH',
      path: '/apis/outrider.dev/v1alpha1/namespaces/shop/llmroutes/r/status',
      query: { fieldManager: 'outrider-status', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { kind: 'LLMRoute', metadata: { name: 'r', namespace: 'shop', resourceVersion: '12' } },
    });
    expect(brief(status())).toBe('True/NoProxies@1');
    // Our own writes came back through the watch, and nothing followed from them.
    await after(120_000);
    expect(routeWrites()).toHaveLength(1);
  });

  it('writes once for a burst of acknowledgements, right after it', async () => {
    const pods = Array.from({ length: 200 }, (_, i) => pod(`p${i}`));
    world.pods = pods;
    const result = compiled();
    await settle();
    expect(world.writes).toEqual([]); // on the way: not worth a write yet
    for (const each of pods) {
      acknowledge(each, result);
      clock.advance(0.5);
    }
    await settle();
    await after(20);
    expect(brief(status())).toBe('True/Programmed@1');
    expect(status().proxies).toMatchObject({ expected: 200, programmed: 200 });
    expect(routeWrites()).toHaveLength(1);
  });

  it('says Pending when sidecars take their time, once', async () => {
    world.pods = [pod('a'), pod('b')];
    const result = compiled();
    await settle();
    acknowledge(world.pods[0] as Workload, result);
    await after(999);
    expect(routeWrites()).toEqual([]);
    await after(1);
    expect(brief(status())).toBe('Unknown/Pending@1');
    await after(20_000);
    expect(routeWrites()).toHaveLength(1);
    acknowledge(world.pods[1] as Workload, result);
    await after(20);
    expect(brief(status())).toBe('True/Programmed@1');
    expect(routeWrites()).toHaveLength(2);
  });

  it('does not say Pending while the fleet follows a change, sidecar after sidecar', async () => {
    world.pods = Array.from({ length: 10 }, (_, i) => pod(`p${i}`));
    const result = compiled();
    for (const each of world.pods) {
      await after(400);
      expect(routeWrites()).toEqual([]);
      acknowledge(each, result);
    }
    await after(20);
    expect(brief(status())).toBe('True/Programmed@1');
    expect(routeWrites()).toHaveLength(1);
  });

  it('says Pending once the fleet stands still, and after ten seconds though it does not', async () => {
    world.pods = Array.from({ length: 30 }, (_, i) => pod(`p${i}`));
    const follow = async (from: number, to: number, result: Compiled) => {
      for (const each of world.pods.slice(from, to)) {
        await after(400);
        acknowledge(each, result);
      }
    };
    const first = compiled();
    await follow(0, 4, first);
    await after(499);
    expect(routeWrites()).toEqual([]);
    await after(1);
    expect(brief(status())).toBe('Unknown/Pending@1');
    for (const each of world.pods) acknowledge(each, first);
    await after(20);
    // A new leader would not say so yet.
    await after(30_000);
    expect(brief(status())).toBe('True/Programmed@1');

    world.put({ ...aRoute('r'), metadata: { ...aRoute('r').metadata, generation: 2 } });
    const second = compiled();
    await follow(0, 24, second);
    expect(brief(status())).toBe('True/Programmed@1');
    await follow(24, 27, second);
    expect(brief(status())).toBe('Unknown/Pending@2');
  });

  it('turns Unknown when a sidecar falls silent for a minute, and True when it speaks again', async () => {
    world.pods = [pod('a')];
    const result = compiled();
    acknowledge(world.pods[0] as Workload, result);
    await after(20);
    expect(brief(status())).toBe('True/Programmed@1');
    await after(60_000 - 20);
    expect(brief(status())).toBe('True/Programmed@1');
    await after(21); // nothing told it to look; time alone did
    expect(brief(status())).toBe('Unknown/ProxiesUnreachable@1');
    const since = status().conditions?.find(({ type }) => type === 'Programmed')?.lastTransitionTime;
    expect(since).toBe('2026-01-01T00:01:00Z');
    acknowledge(world.pods[0] as Workload, result);
    await after(20);
    expect(brief(status())).toBe('True/Programmed@1');
    expect(routeWrites()).toHaveLength(3);
  });

  it('looks at what a sidecar took anew, and not at all that it runs', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `other-${i}`);
    for (const name of names) world.put(aRoute(name));
    world.pods = [pod('a'), pod('b')];
    const first = compiled();
    for (const each of world.pods) acknowledge(each, first);
    await after(1000);
    expect(status().proxies?.programmed).toBe(2);
    runs = 0;
    world.put({ ...aRoute('r'), metadata: { ...aRoute('r').metadata, generation: 2 } });
    const second = compiled();
    await after(100);
    for (const each of world.pods) acknowledge(each, second);
    await after(100);
    expect(brief(status())).toBe('True/Programmed@2');
    // Compiled, followed, and its own write came back.
    expect(runs).toBe(3);
    const found = (name: string) => world.object('LLMRoute', `shop/${name}`)?.status;
    expect(names.every((name) => brief(found(name) ?? {}) === 'True/Programmed@1')).toBe(true);
  });

  it('is not kept busy by reports that say what is known', async () => {
    world.pods = Array.from({ length: 20 }, (_, i) => pod(`p${i}`));
    const result = compiled();
    for (const each of world.pods) acknowledge(each, result);
    await after(1000);
    runs = 0;
    for (let s = 0; s < 600; s += 20) {
      for (const each of world.pods) acknowledge(each, result);
      await after(20_000);
    }
    // Two objects, each looked at when a sidecar could have fallen silent, and not once per report (600).
    expect(runs).toBeLessThanOrEqual(2 * 16);
    expect(runs).toBeGreaterThan(2 * 8);
    expect(routeWrites()).toHaveLength(1);
  });

  it('looks at what changed, for some pod, and at nothing else', async () => {
    for (let i = 0; i < 50; i += 1) world.put(aRoute(`r${i}`));
    world.pods = [pod('a'), pod('b')];
    for (const each of world.pods) acknowledge(each);
    compiled();
    await after(1000);
    runs = 0;
    compiled();
    await settle();
    expect(runs).toBe(0);
    const changed = {
      ...aRoute('r7', { model: 'm2' }),
      metadata: { name: 'r7', namespace: 'shop', generation: 2 },
    };
    world.put(changed); // one run by itself, which waits for the verdict
    compiled();
    await settle();
    expect(runs).toBeLessThanOrEqual(3); // the route, and the provider, of which another model is named now
    for (const each of world.pods) acknowledge(each);
    await after(20);
    expect(brief(world.object('LLMRoute', 'shop/r7')?.status ?? {})).toBe('True/Programmed@2');
    expect(brief(world.object('LLMRoute', 'shop/r8')?.status ?? {})).toBe('True/Programmed@1');
    expect(world.writes.filter(({ path }) => path.includes('/r8/'))).toHaveLength(1);
  });

  it('follows pods that start, end and are told to go', async () => {
    const result = compiled();
    await settle();
    expect(brief(status())).toBe('True/NoProxies@1');
    const starting = { ...pod('a', 0) };
    const change = (): SourceChange => ({ kind: 'Pod', key: 'shop/a', effect: 'Status', uid: starting.uid });
    world.pods = [starting];
    world.tell(change());
    await after(20);
    expect(brief(status())).toBe('True/NoProxies@1'); // it may still be starting
    await after(29_980);
    expect(brief(status())).toBe('True/NoProxies@1'); // it counts, and starts on the current version
    await after(30_001);
    expect(brief(status())).toBe('Unknown/ProxiesUnreachable@1'); // it never spoke
    acknowledge(starting, result);
    await after(20);
    expect(brief(status())).toBe('True/Programmed@1');
    world.pods = [{ ...starting, terminating: true }];
    world.tell(change());
    await after(20);
    expect(brief(status())).toBe('True/NoProxies@1');
  });

  it('brings numbers up to date once a minute', async () => {
    world.pods = [pod('a')];
    const result = compiled();
    acknowledge(world.pods[0] as Workload, result);
    await after(20);
    for (let i = 0; i < 30; i += 1) {
      const next = pod(`n${i}`, 0);
      world.pods = [...world.pods, next];
      world.tell({ kind: 'Pod', key: `shop/n${i}`, effect: 'Content', uid: next.uid });
      for (const each of world.pods) acknowledge(each, result);
      await after(1000);
    }
    expect(routeWrites()).toHaveLength(1);
    expect(status().proxies?.expected).toBe(1);
    for (let i = 0; i < 6; i += 1) {
      for (const each of world.pods) acknowledge(each, result);
      await after(5000);
    }
    expect(routeWrites()).toHaveLength(2);
    expect(status().proxies).toMatchObject({ expected: 31, connected: 31, programmed: 31 });
  });

  it('does not decide again from a copy that is behind its own write', async () => {
    world.echo = false;
    const first = compiled();
    await settle();
    expect(routeWrites()).toHaveLength(1);
    await after(5000);
    controller.compiled(first);
    controller.resync();
    await settle();
    expect(routeWrites()).toHaveLength(1);
  });

  it('waits for the verdict on a generation before it writes about it', async () => {
    const old = compiled();
    await settle();
    world.put({
      ...aRoute('r', { model: 'two' }),
      metadata: { name: 'r', namespace: 'shop', generation: 2 },
    });
    controller.compiled(old); // compiled before the change arrived
    await settle();
    expect(routeWrites()).toHaveLength(1);
    compiled();
    await settle();
    expect(brief(status())).toBe('True/NoProxies@2');
    expect(routeWrites()).toHaveLength(2);
  });

  it('retries what failed, with growing waits, and gives up what is invalid or gone', async () => {
    world.failure = new ApiError(409, 'Conflict', 'conflict');
    compiled();
    await settle();
    for (let i = 0; i < 8; i += 1) await after(30_000);
    const tries = routeWrites().length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(20);
    world.failure = undefined;
    await after(30_000);
    expect(brief(status())).toBe('True/NoProxies@1');

    for (const [generation, code, reason] of [
      [2, 422, 'Invalid'],
      [3, 404, 'NotFound'],
    ] as const) {
      world.writes.length = 0;
      world.failure = new ApiError(code, reason, reason);
      world.put({ ...aRoute('r'), metadata: { name: 'r', namespace: 'shop', generation } });
      compiled();
      await settle();
      for (let i = 0; i < 5; i += 1) await after(60_000);
      expect(routeWrites()).toHaveLength(1);
    }
  });

  it('forgets what is gone', async () => {
    compiled();
    await settle();
    world.objects.delete('LLMRoute/shop/r');
    compiled();
    await settle();
    table.merge({ namespace: 'shop', name: 'x', uid: 'x' }, { connected: true }, 0);
    await after(60_000);
    expect(routeWrites()).toHaveLength(1);
  });

  it('writes nothing while another replica leads, and starts its own window when it takes over', async () => {
    leader = false;
    world.pods = [pod('a')];
    const result = compiled();
    acknowledge(world.pods[0] as Workload, result);
    await after(100_000);
    expect(world.writes).toEqual([]);
    // What the other leader wrote.
    world.put(
      {
        ...aRoute('r'),
        status: {
          observedGeneration: 1,
          conditions: [
            {
              type: 'Programmed',
              status: 'True',
              reason: 'Programmed',
              message: 'all',
              observedGeneration: 1,
              lastTransitionTime: '2026-01-01T00:00:00Z',
            },
          ],
        },
      },
      'Status',
    );
    leader = true;
    controller.resync();
    await settle();
    // The pod was last heard of 100 s ago, by this replica; that is no news about it yet.
    expect(brief(status())).toBe('True/Programmed@1');
    await after(29_000);
    expect(brief(status())).toBe('True/Programmed@1');
    await after(1000);
    expect(brief(status())).toBe('Unknown/ProxiesUnreachable@1');
  });

  it('stops with nothing left to do', async () => {
    world.pods = [pod('a')];
    compiled();
    await controller.stop();
    expect(clock.waits).toEqual([]);
    table.merge({ namespace: 'shop', name: 'x', uid: 'x' }, { connected: true }, 0);
    expect(clock.waits).toEqual([]);
  });
});
