import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../crds/common.ts';
import type { LLMProvider } from '../../../crds/llmprovider.ts';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { Compiled, Resources, Workload } from '../../../operator/compile/types.ts';

const OPTIONS = { platformNamespaces: ['platform'], now: Date.parse('2026-06-01T00:00:00Z') };
/** Each run compiles twice from scratch. */
const RUNS = { numRuns: 40 };
const NAMESPACES = ['platform', 'shop', 'desk'];
const namespace = fc.constantFrom(...NAMESPACES);
const label = fc.constantFrom('web', 'job');
const labels = fc.record({ app: label }, { requiredKeys: [] });
const selector = fc.record({ matchLabels: labels }, { requiredKeys: [] });
const pattern = fc.constantFrom('chat', 'gpt-4o', 'gpt-*', 'gpt-4*', '*');
const providerName = fc.constantFrom('north', 'south', 'gone');

const routeSpec = fc.record(
  {
    workloadSelector: selector,
    namespaceSelector: selector,
    models: fc.uniqueArray(pattern, { minLength: 1 }),
    rules: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        targets: fc.uniqueArray(
          fc.record(
            {
              name: fc.constantFrom('x', 'y', 'z'),
              provider: fc.record({ name: providerName, namespace }, { requiredKeys: ['name'] }),
              model: fc.constantFrom('m', 'n'),
              credential: fc.constantFrom('main', 'kept'),
              weight: fc.integer({ min: 1, max: 5 }),
              priority: fc.nat(2),
            },
            { requiredKeys: ['name', 'provider'] },
          ),
          { minLength: 1, selector: (t) => t.name },
        ),
      }),
      { minLength: 1, selector: (r) => r.name },
    ),
  },
  { requiredKeys: ['models', 'rules'] },
);
const providerSpec = fc.record(
  {
    type: fc.constant('OpenAICompatible' as const),
    endpoint: fc.constant({ url: 'http://models/v1' }),
    credentials: fc.constant([
      { name: 'main', type: 'APIKey' as const, secretRef: { name: 'keys', key: 'main' } },
      {
        name: 'kept',
        type: 'APIKey' as const,
        secretRef: { name: 'keys', key: 'kept' },
        namespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'desk' } },
      },
    ]),
    models: fc.constant([{ name: 'm' }]),
    allowedNamespaces: fc.constantFrom({ from: 'All' as const }, { from: 'Same' as const }),
  },
  { requiredKeys: ['type', 'endpoint'] },
);

const named = <S>(kind: string, name: fc.Arbitrary<string>, spec: fc.Arbitrary<S>) =>
  fc.record({ name, namespace, seconds: fc.nat(3), spec }).map(({ name, namespace, seconds, spec }) => ({
    apiVersion: 'outrider.dev/v1alpha1',
    kind,
    metadata: { name, namespace, generation: 1, creationTimestamp: `2026-01-01T00:00:0${seconds}Z` },
    spec,
  }));
const key = (o: KubeObject) => `${o.metadata.namespace}/${o.metadata.name}`;
const routes = fc.uniqueArray(named('LLMRoute', fc.constantFrom('r1', 'r2', 'r3'), routeSpec), {
  selector: key,
});
const providers = fc.uniqueArray(named('LLMProvider', providerName, providerSpec), { selector: key });
const pods = fc.array(fc.record({ namespace, labels }), { minLength: 1, maxLength: 6 }).map((list) =>
  list.map(
    ({ namespace, labels }, i): Workload => ({
      namespace,
      name: `pod-${i}`,
      uid: `uid-${i}`,
      labels: labels as Record<string, string>,
    }),
  ),
);
const secrets = NAMESPACES.map((namespace) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'keys', namespace, labels: { 'outrider.dev/provider-credential': 'true' } },
  stringData: { main: `sk-main-${namespace}`, kept: `sk-kept-${namespace}` },
}));
const resources = fc.record({ routes, providers, pods }).map(
  ({ routes, providers, pods }): Resources => ({
    routes: routes as LLMRoute[],
    providers: providers as LLMProvider[],
    pods,
    secrets,
    namespaces: NAMESPACES.map((name) => ({ name, labels: {} })),
  }),
);

const view = (compiled: Compiled, pods: readonly Workload[]) =>
  pods.map((pod) => ({
    hash: compiled.snapshotFor(pod).hash,
    credentials: compiled.credentialsFor(pod),
    routes: compiled.routesOf(pod),
  }));

describe('compile, whatever it is given', () => {
  it('gives the same hashes, keys and verdicts in any order of input', () => {
    fc.assert(
      fc.property(resources, fc.infiniteStream(fc.nat(1000)), (given, numbers) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((entry) => ({ entry, at: numbers.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ entry }) => entry);
        // Copies, so that nothing remembered per object can hide a difference.
        const other = structuredClone({
          routes: shuffled(given.routes),
          providers: shuffled(given.providers),
          secrets: shuffled(given.secrets),
          namespaces: shuffled(given.namespaces),
          pods: shuffled(given.pods),
        });
        const [a, b] = [compile(given, OPTIONS), compile(other, OPTIONS)];
        expect(view(b, given.pods)).toEqual(view(a, given.pods));
        expect(b.verdicts).toEqual(a.verdicts);
      }),
      RUNS,
    );
  });

  it('keeps every other item as it was when an invalid object comes along', () => {
    const broken = fc.oneof(
      named(
        'LLMRoute',
        fc.constant('broken'),
        fc.constantFrom({}, { models: ['*'], rules: [{}] }, { models: ['*'], more: 1 }),
      ),
      named(
        'LLMProvider',
        fc.constant('broken'),
        fc.constantFrom({}, { type: 'Nothing' }, { type: 'OpenAI', more: 1 }),
      ),
    );
    fc.assert(
      fc.property(resources, broken, (given, object) => {
        const extended: Resources =
          object.kind === 'LLMRoute'
            ? { ...given, routes: [...given.routes, object as unknown as LLMRoute] }
            : { ...given, providers: [...given.providers, object as unknown as LLMProvider] };
        const [before, after] = [compile(given, OPTIONS), compile(extended, OPTIONS)];
        for (const pod of given.pods) {
          const others = after.snapshotFor(pod).items.filter((item) => !item.id.endsWith('/broken'));
          expect(others).toEqual(before.snapshotFor(pod).items);
          expect(after.credentialsFor(pod)).toEqual(before.credentialsFor(pod));
        }
      }),
      RUNS,
    );
  });

  it('gives after a change what it gives from scratch, whatever it remembers', () => {
    fc.assert(
      fc.property(resources, resources, fc.infiniteStream(fc.boolean()), (first, second, coins) => {
        // Objects of the first set stay where a coin says so, so that only a part of the world changes.
        const mixed = <T extends KubeObject>(before: readonly T[], after: readonly T[]): T[] => {
          const kept = before.filter(() => coins.next().value as boolean);
          const names = new Set(kept.map(key));
          return [...kept, ...after.filter((object) => !names.has(key(object)))];
        };
        const changed: Resources = {
          ...second,
          routes: mixed(first.routes, second.routes),
          providers: mixed(first.providers, second.providers),
        };
        compile(first, OPTIONS);
        const [warm, cold] = [compile(changed, OPTIONS), compile(structuredClone(changed), OPTIONS)];
        expect(view(warm, changed.pods)).toEqual(view(cold, changed.pods));
        expect(warm.verdicts).toEqual(cold.verdicts);
      }),
      RUNS,
    );
  });

  it('gives each workload the routes that select it and the providers those use, and nothing else', () => {
    fc.assert(
      fc.property(resources, (given) => {
        const compiled = compile(given, OPTIONS);
        for (const pod of given.pods) {
          const { items } = compiled.snapshotFor(pod);
          const selected = given.routes.map(key).filter((route) => compiled.selects(route, pod));
          const routeItems = items.filter((item) => item.kind === 'Route');
          expect(routeItems.map(({ id }) => id.slice('route/'.length)).sort()).toEqual(selected.sort());
          expect(compiled.routesOf(pod)).toEqual(selected);
          const used = new Set(
            routeItems.flatMap(({ body }) =>
              (body?.rules ?? []).flatMap((rule) =>
                rule.targets.filter((t) => t.unresolved === undefined).map((t) => t.provider),
              ),
            ),
          );
          const there = items.filter((item) => item.kind === 'Provider').map(({ id }) => id);
          expect(there.sort()).toEqual([...used].sort());
          for (const route of selected) {
            const [owner] = route.split('/');
            expect(owner === pod.namespace || owner === 'platform').toBe(true);
          }
        }
      }),
      RUNS,
    );
  });

  it('never lets a key out of the namespaces it is kept for', () => {
    fc.assert(
      fc.property(resources, (given) => {
        const compiled = compile(given, OPTIONS);
        for (const pod of given.pods) {
          const { items } = compiled.snapshotFor(pod);
          expect(JSON.stringify(items)).not.toContain('sk-');
          const mayUseKept = compiled.routesOf(pod).some((route) => route.startsWith('desk/'));
          const ids = compiled.credentialsFor(pod).credentials.map(({ id }) => id);
          expect(ids.some((id) => id.endsWith('/kept'))).toBe(
            mayUseKept && ids.some((id) => id.endsWith('/kept')),
          );
          for (const { id, value } of compiled.credentialsFor(pod).credentials) {
            const [owner, , name] = id.split('/');
            expect(value).toBe(`sk-${name}-${owner}`);
          }
        }
      }),
      RUNS,
    );
  });
});
