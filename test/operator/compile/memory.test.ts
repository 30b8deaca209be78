import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { KubeObject } from '../../../crds/common.ts';
import type { LLMPolicy } from '../../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../../crds/llmprovider.ts';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import { CompileMemory } from '../../../operator/compile/memory.ts';
import type { Compiled, Resources, SecretObject, Workload } from '../../../operator/compile/types.ts';

const NAMESPACES = ['a', 'b', 'platform'];
const OPTIONS = { platformNamespaces: ['platform'], now: 1_760_000_000_000 };

const pods: Workload[] = ['a', 'b'].flatMap((namespace) =>
  ['x', 'y'].map((app) => ({ namespace, name: app, uid: `${namespace}-${app}`, labels: { app } })),
);

/** Objects with versions, of which changes make others and never change one in place. */
class World {
  #version = 0;
  readonly objects = new Map<string, KubeObject>();

  put(object: KubeObject): void {
    this.#version += 1;
    const { namespace, name } = object.metadata;
    const metadata = {
      ...object.metadata,
      uid: `${object.kind}-${namespace}-${name}`,
      generation: this.#version,
    };
    this.objects.set(`${object.kind}/${namespace}/${name}`, {
      ...object,
      metadata: { ...metadata, resourceVersion: String(this.#version) },
    });
  }

  get resources(): Resources {
    const all = <T extends KubeObject>(kind: string) =>
      [...this.objects.values()].filter((object) => object.kind === kind) as T[];
    return {
      routes: all<LLMRoute>('LLMRoute'),
      providers: all<LLMProvider>('LLMProvider'),
      policies: all<LLMPolicy>('LLMPolicy'),
      secrets: all<SecretObject>('Secret'),
      namespaces: NAMESPACES.map((name) => ({ name, labels: {} })),
      pods,
    };
  }
}

const small = fc.integer({ min: 0, max: 2 });
const namespace = fc.constantFrom(...NAMESPACES);
const change = fc.record({
  kind: fc.constantFrom('route', 'provider', 'policy', 'secret', 'removal'),
  namespace,
  n: small,
  v: small,
});

function apply(
  world: World,
  { kind, namespace: ns, n, v }: { kind: string; namespace: string; n: number; v: number },
) {
  const apiVersion = 'outrider.dev/v1alpha1';
  const metadata = { name: `o${n}`, namespace: ns };
  if (kind === 'removal') world.objects.delete([...world.objects.keys()][n * 3 + v] ?? '');
  else if (kind === 'secret')
    world.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...metadata, labels: { 'outrider.dev/provider-credential': 'true' } },
      data: { key: Buffer.from(`sk-${v}`).toString('base64') },
    } as KubeObject);
  else if (kind === 'provider')
    world.put({
      apiVersion,
      kind: 'LLMProvider',
      metadata,
      spec: {
        ...(v === 0
          ? { type: 'OpenAI' }
          : { type: 'OpenAICompatible', endpoint: { url: `http://h${n}/v1` } }),
        // Wrong on purpose: what is Invalid has to be remembered rightly too.
        ...(n === 2 && v === 2 ? { endpoint: { url: 'no url' } } : {}),
        credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: `o${v}`, key: 'key' } }],
        ...(ns === 'platform' ? { allowedNamespaces: { from: 'All' } } : {}),
      },
    });
  else if (kind === 'policy')
    world.put({
      apiVersion,
      kind: 'LLMPolicy',
      metadata,
      spec: {
        ...(n === 0 ? { targetRefs: [{ kind: 'LLMRoute', name: `o${v}` }] } : {}),
        ...(ns === 'platform' ? { namespaceSelector: {} } : {}),
        // Wrong on purpose, as above.
        ...(n === 2 && v === 2 ? { unknown: true } : {}),
        defaults: { timeouts: { connect: `${n + 1}s` } },
        overrides: { maxOutputTokens: 100 + v, ...(v === 1 ? { allowedProviders: [{ name: 'o1' }] } : {}) },
        budgets: [{ name: 'daily', amount: `${v}`, period: { unit: 'Day' } }],
      },
    });
  else
    world.put({
      apiVersion,
      kind: 'LLMRoute',
      metadata,
      spec: {
        ...(v === 1 ? { workloadSelector: { matchLabels: { app: 'x' } } } : {}),
        ...(ns === 'platform' ? { namespaceSelector: {} } : {}),
        models: [`m${v}`],
        rules: [{ name: 'all', targets: [{ name: 't', provider: { name: `o${v}` }, model: 'm' }] }],
      },
    });
}

const told = (compiled: Compiled) => ({
  verdicts: compiled.verdicts,
  budgets: compiled.budgets,
  pods: pods.map((pod) => [compiled.snapshotFor(pod), compiled.credentialsFor(pod), compiled.routesOf(pod)]),
});

/** A provider that names another secret, while all else of it and of its route stays as it was. */
const OTHER_SECRET = [
  [
    { kind: 'route', namespace: 'a', n: 0, v: 0 },
    { kind: 'provider', namespace: 'a', n: 0, v: 1 },
    { kind: 'secret', namespace: 'a', n: 1, v: 0 },
    { kind: 'secret', namespace: 'a', n: 2, v: 0 },
  ],
  [{ kind: 'provider', namespace: 'a', n: 0, v: 2 }],
];

it('makes the same with and without what it remembers, whatever changes', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 12 }), (steps) => {
      const world = new World();
      const memory = new CompileMemory();
      for (const step of steps) {
        for (const each of step) apply(world, each);
        const remembering = compile(world.resources, OPTIONS, memory);
        expect(told(remembering)).toEqual(told(compile(world.resources, OPTIONS)));
      }
    }),
    { numRuns: 60, examples: [[OTHER_SECRET]] },
  );
});

it('makes again only the snapshots that a change is for', () => {
  const world = new World();
  for (const namespace of ['a', 'b']) {
    for (const kind of ['secret', 'provider', 'route']) apply(world, { kind, namespace, n: 0, v: 0 });
  }
  const memory = new CompileMemory();
  const [inA, inB] = [pods[0] as Workload, pods[2] as Workload];
  const before = compile(world.resources, OPTIONS, memory);
  const [a, b] = [before.snapshotFor(inA), before.snapshotFor(inB)];
  apply(world, { kind: 'route', namespace: 'a', n: 0, v: 0 });
  const after = compile(world.resources, OPTIONS, memory);
  expect(after.snapshotFor(inA)).not.toBe(a);
  expect(after.snapshotFor(inB)).toBe(b);
  const again = compile(world.resources, OPTIONS, memory);
  expect(again.snapshotFor(inA)).toBe(after.snapshotFor(inA));
});
