import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LLMPolicy, LLMPolicySpec } from '../../../crds/llmpolicy.ts';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { RouteItem, RuleBody } from '../../../sidecar/snapshot/schema.ts';

const apiVersion = 'outrider.dev/v1alpha1';
const NAMES = ['one', 'two', 'three'];
const PLACES = ['EU', 'US', 'CH'];

const providers = NAMES.map((name) => ({
  apiVersion,
  kind: 'LLMProvider',
  metadata: { name, namespace: 'platform', uid: name, generation: 1 },
  spec: {
    type: 'OpenAICompatible' as const,
    endpoint: { url: `https://${name}.example.com/v1` },
    allowedNamespaces: { from: 'All' as const },
  },
}));

const places = fc.uniqueArray(fc.constantFrom(...PLACES), { minLength: 1 });
const dataPolicy = fc.record(
  {
    residency: places,
    retention: fc.constantFrom('None', '1d', '30d'),
    training: fc.constant('Never' as const),
  },
  { requiredKeys: ['training'] },
);
const maxCost = fc.constantFrom('0', '0.01', '0.5', '2');

const overrides = fc.record(
  {
    allowedProviders: fc
      .uniqueArray(fc.constantFrom(...NAMES))
      .map((names) => names.map((name) => ({ name }))),
    maxOutputTokens: fc.integer({ min: 1, max: 1000 }),
    maxCost,
    dataPolicy,
  },
  { requiredKeys: ['maxCost'] },
);

const timeouts = fc.record(
  { connect: fc.constantFrom('1s', '2s'), firstToken: fc.constantFrom('10s', '20s') },
  { requiredKeys: [] },
);

const spec: fc.Arbitrary<LLMPolicySpec> = fc.record(
  {
    namespaceSelector: fc.constant({}),
    targetRefs: fc.constantFrom([], [{ kind: 'LLMRoute' as const, name: 'assistant' }]),
    defaults: fc.record({ timeouts, failover: fc.constant({ maxAttempts: 2 }) }, { requiredKeys: [] }),
    overrides,
  },
  { requiredKeys: ['namespaceSelector'] },
);

const policies: fc.Arbitrary<LLMPolicy[]> = fc
  .array(fc.tuple(spec, fc.constantFrom('platform', 'shop'), fc.constantFrom('2026-01-01', '2026-02-01')), {
    maxLength: 5,
  })
  .map((list) =>
    list.map(([made, namespace, day], i) => ({
      apiVersion,
      kind: 'LLMPolicy',
      metadata: {
        name: `p${i}`,
        namespace,
        uid: `p${i}`,
        generation: 1,
        creationTimestamp: `${day}T00:00:00Z`,
      },
      spec: made,
    })),
  );

const constraints = fc.option(fc.record({ maxCost, dataPolicy }, { requiredKeys: ['maxCost'] }), {
  nil: undefined,
});

const route: fc.Arbitrary<LLMRoute> = constraints.map((own) => ({
  apiVersion,
  kind: 'LLMRoute',
  metadata: { name: 'assistant', namespace: 'shop', uid: 'r', generation: 1 },
  spec: {
    models: ['assistant'],
    rules: [
      {
        name: 'all',
        targets: NAMES.map((name) => ({ name, provider: { name } })),
        ...(own && { constraints: own }),
      },
    ],
  },
}));

type Overrides = NonNullable<LLMPolicySpec['overrides']>;

const pod = { namespace: 'shop', name: 'app', uid: 'pod', labels: {} };

function ruleUnder(asked: LLMRoute, under: readonly LLMPolicy[]): RuleBody {
  const made = compile(
    { routes: [asked], providers, policies: under, secrets: [], namespaces: [], pods: [pod] },
    { platformNamespaces: ['platform'], now: 0 },
  );
  const item = made.snapshotFor(pod).items.find(({ kind }) => kind === 'Route') as RouteItem;
  return item.body?.rules[0] as RuleBody;
}

const INFINITE = Number.POSITIVE_INFINITY;
const usable = (rule: RuleBody) =>
  rule.targets.filter(({ unresolved }) => unresolved === undefined).map(({ name }) => name);

/** What is looser in the second than in the first. */
function looser(before: RuleBody, after: RuleBody): string[] {
  const [then, now] = [before.constraints ?? {}, after.constraints ?? {}];
  const [was, is] = [then.dataPolicy ?? {}, now.dataPolicy ?? {}];
  const places = was.residency;
  return Object.entries({
    output: (after.maxOutputTokens ?? INFINITE) > (before.maxOutputTokens ?? INFINITE),
    cost: (now.maxCostMicroUsd ?? INFINITE) > (then.maxCostMicroUsd ?? INFINITE),
    retention: (is.retentionDays ?? INFINITE) > (was.retentionDays ?? INFINITE),
    training: was.training === 'Never' && is.training !== 'Never',
    residency:
      places !== undefined &&
      usable(after).length > 0 &&
      !(is.residency ?? ['everywhere']).every((place) => places.includes(place)),
  }).flatMap(([what, isLooser]) => (isLooser ? [what] : []));
}

/** What of an override does not hold. */
function breaches(rule: RuleBody, { maxOutputTokens, allowedProviders }: Overrides): string[] {
  const allowed = allowedProviders?.map(({ name }) => name);
  return [
    ...((rule.maxOutputTokens ?? INFINITE) > (maxOutputTokens ?? INFINITE) ? ['output'] : []),
    ...usable(rule).filter((name) => allowed && !allowed.includes(name)),
  ];
}

describe('policies together', () => {
  it('give the same in any order', () => {
    fc.assert(
      fc.property(route, policies, fc.infiniteStream(fc.nat()), (asked, under, random) => {
        const keyed = under.map((policy) => ({ policy, at: random.next().value ?? 0 }));
        const shuffled = keyed.sort((a, b) => a.at - b.at).map(({ policy }) => policy);
        expect(ruleUnder(asked, shuffled)).toEqual(ruleUnder(asked, under));
      }),
      { numRuns: 60 },
    );
  });

  it('are never looser with one more override', () => {
    fc.assert(
      fc.property(route, policies, overrides, (asked, under, more) => {
        const added: LLMPolicy = {
          apiVersion,
          kind: 'LLMPolicy',
          metadata: { name: 'added', namespace: 'platform', uid: 'added', generation: 1 },
          spec: { namespaceSelector: {}, overrides: more },
        };
        const before = ruleUnder(asked, under);
        const after = ruleUnder(asked, [...under, added]);
        expect(usable(before)).toEqual(expect.arrayContaining(usable(after)));
        expect(looser(before, after)).toEqual([]);
        expect(breaches(after, more)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
