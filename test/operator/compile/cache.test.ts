/** What a rule keeps of its answers: into the contract, with what nobody set, and with what policies say. */
import { describe, expect, it } from 'vitest';
import type { LLMPolicy, LLMPolicySpec } from '../../../crds/llmpolicy.ts';
import type { LLMRouteSpec } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import { effectiveRoute } from '../../../operator/compile/effective-route.ts';
import { effectiveUnder } from '../../../operator/compile/effective-under.ts';
import { namespacesOf } from '../../../operator/compile/namespaces.ts';
import { indexPolicies } from '../../../operator/compile/policy-source.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';
import { CACHE } from '../../sidecar/cache/world.ts';
import { routeItem, rule as ruleBody, target } from '../../sidecar/support/configuration.ts';
import { readCase } from './case.ts';

function run(rule: string, policies: LLMPolicy[] = []) {
  const { resources } = readCase(`
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec:
  models: [chat]
  rules: [{ name: r, targets: [{ name: t, provider: { name: p }, model: m }] ${rule} }]
---
kind: LLMProvider
metadata: { namespace: shop, name: p }
spec: { type: OpenAI, models: [{ name: m, capabilities: [Chat] }, { name: v, capabilities: [Embeddings] }] }
`);
  const [pod] = resources.pods;
  if (!pod) throw new Error('the case has a pod');
  const compiled = compile({ ...resources, policies }, { platformNamespaces: [], now: 0 });
  const route = compiled.snapshotFor(pod).items.find((item) => item.kind === 'Route');
  if (route?.kind !== 'Route' || !route.body?.rules[0]) throw new Error(`no body: ${route?.reason}`);
  return { route, cache: route.body.rules[0].cache, compiled };
}

type Defaults = NonNullable<LLMPolicySpec['defaults']>;
const policy = (cache: NonNullable<Defaults['cache']>): LLMPolicy[] => [
  {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMPolicy',
    metadata: { namespace: 'shop', name: 'all', uid: 'all', generation: 1 },
    spec: { defaults: { cache } },
  },
];

describe('what a rule keeps', () => {
  it('is nothing where nobody says so, and needs no proxy that knows it', () => {
    const { cache, route } = run('');
    expect(cache).toBeUndefined();
    expect(route.requires).not.toContain('cache');
  });

  it('is compiled with what is unset filled in', () => {
    const { cache, route } = run(', cache: { exact: {} }');
    expect(cache).toEqual({
      exact: { singleFlight: true },
      ttlMs: 3_600_000,
      maxAnswerBytes: 1_048_576,
      scope: { type: 'Namespace', headers: [] },
    });
    expect(route.requires).toContain('cache');
  });

  it('is compiled as it is said, with whom the vectors are asked of', () => {
    const { cache } = run(
      ', cache: { semantic: { embeddings: { provider: { name: p }, model: v, dimensions: 64 } }, ttl: 10m, maxBytes: 65536, maxAnswerBytes: 2048, scope: { type: Workload, headers: [X-User] }, sampled: Allow, requestControl: Ignore }',
    );
    expect(cache).toMatchObject({
      semantic: {
        embeddings: { timeoutMs: 300, maxInputTokens: 1024, dimensions: 64 },
        minSimilarityPercent: 95,
        maxEntries: 1000,
      },
      ttlMs: 600_000,
      maxBytes: 65_536,
      maxAnswerBytes: 2048,
      scope: { type: 'Workload', headers: ['x-user'] },
      sampled: 'Allow',
      requestControl: 'Ignore',
    });
    expect(cache?.exact).toBeUndefined();
    expect(cache?.semantic?.embeddings.target).toMatchObject({ provider: 'provider/shop/p', model: 'v' });
  });

  it('tells of a model that makes no vectors', () => {
    const { compiled } = run(', cache: { semantic: { embeddings: { provider: { name: p }, model: m } } }');
    expect(JSON.stringify(compiled.verdicts)).toContain(
      'spec.rules[0].cache.semantic.embeddings.model: \\"m\\" of provider shop/p has not the capability Embeddings',
    );
  });

  it('is what a policy says where the rule is silent', () => {
    expect(run('', policy({ exact: { singleFlight: false }, ttl: '5m' })).cache).toMatchObject({
      exact: { singleFlight: false },
      ttlMs: 300_000,
    });
    expect(
      run(', cache: { exact: {}, ttl: 1m }', policy({ ttl: '5m', scope: { type: 'Route' } })).cache,
    ).toMatchObject({
      ttlMs: 60_000,
      scope: { type: 'Route' },
    });
    expect(run('', policy({ ttl: '5m' })).cache, 'how alone keeps nothing').toBeUndefined();
  });

  it('leaves a rule alone that says it keeps none, and says that it was the rule', () => {
    const { cache, route } = run(', cache: { mode: Disabled }', policy({ exact: {}, ttl: '5m' }));
    expect(cache).toBeUndefined();
    expect(route.requires).not.toContain('cache');
    expect(run('', policy({ exact: {} })).cache, 'its neighbour keeps them').toBeDefined();
    const spec: LLMRouteSpec = {
      models: ['m'],
      rules: [
        { name: 'r', cache: { mode: 'Disabled' }, targets: [{ name: 't', provider: { name: 'p' } }] },
        { name: 's', targets: [{ name: 't', provider: { name: 'p' } }] },
      ],
    };
    const source = indexPolicies(
      policy({ exact: {}, ttl: '5m' }),
      namespacesOf([], { platformNamespaces: [], now: 0 }),
    ).over({ namespace: 'shop', name: 'chat' });
    const under = effectiveUnder(spec, source);
    expect(under.spec.rules[0]?.cache).toEqual({ mode: 'Disabled' });
    expect(Object.entries(under.policies ?? {}).filter(([at]) => at.includes('.cache'))).toEqual([
      ['spec.rules[1].cache.exact', 'shop/all'],
      ['spec.rules[1].cache.ttl', 'shop/all'],
    ]);
  });

  it('says which values were unset', () => {
    const spec = {
      models: ['m'],
      rules: [
        { name: 'r', cache: { exact: {}, ttl: '2h' }, targets: [{ name: 't', provider: { name: 'p' } }] },
      ],
    };
    const { defaulted } = effectiveRoute(spec);
    expect(defaulted).toContain('spec.rules[0].cache.exact.singleFlight');
    expect(defaulted).not.toContain('spec.rules[0].cache.ttl');
  });
});

describe('the contract', () => {
  const judged = (cache: object) =>
    validateItem({
      ...routeItem('chat', ['m'], [ruleBody([target('a')], { cache: { ...CACHE, ...cache } })]),
      requires: ['cache'],
    });

  it.each([
    [{ exact: undefined }, 'spec.rules[0].cache needs exact or semantic'],
    [{ ttlMs: 0 }, 'spec.rules[0].cache.ttlMs is 0'],
    [{ scope: { type: 'World', headers: [] } }, 'spec.rules[0].cache.scope.type is "World"'],
    [{ scope: { type: 'Route', headers: ['X-User'] } }, 'spec.rules[0].cache.scope.headers[0] is "X-User"'],
    [{ maxAnswerBytes: 10 }, 'spec.rules[0].cache.maxAnswerBytes is 10'],
    [
      {
        semantic: {
          embeddings: { target: target('v'), timeoutMs: 10, maxInputTokens: 100 },
          minSimilarityPercent: 95,
          maxEntries: 10,
        },
      },
      'spec.rules[0].cache.semantic.embeddings.target.model is missing',
    ],
  ])('refuses %j', (cache, reason) => {
    const verdict = judged(cache);
    expect(verdict.ok ? '' : verdict.reason).toContain(reason);
  });

  it('takes what is right', () => {
    expect(judged({}).ok).toBe(true);
  });
});
