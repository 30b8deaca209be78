/** Constraints, strategies and what providers say of themselves: into the integers of the contract, and who may vouch. */
import { describe, expect, it } from 'vitest';
import type { LLMRouteSpec } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import { effectiveRoute } from '../../../operator/compile/effective-route.ts';
import { readCase } from './case.ts';

const PROVIDER = `
kind: LLMProvider
metadata: { namespace: NAMESPACE, name: p }
spec:
  type: OpenAI
  region: eu-central-1
  dataPolicy: { residency: [EU], retention: 30d, training: Never, classifications: [Internal, internal, PII] }
  models: [{ name: gpt-5-mini, quality: [{ task: default, score: 80 }] }]
  allowedNamespaces: { from: All }
`;

function run(rule: string, { platform = [] as string[], provider = 'shop', more = '' } = {}) {
  const { resources } = readCase(`
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec: { models: [chat], rules: [{ name: r, targets: [{ name: t, provider: { name: p } }], ${rule} }] }
---
${PROVIDER.replace('NAMESPACE', provider)}
${more}`);
  const [pod] = resources.pods;
  if (!pod) throw new Error('the case has a pod');
  const compiled = compile(resources, { platformNamespaces: platform, now: 0 });
  const { items } = compiled.snapshotFor(pod);
  const route = items.find((item) => item.kind === 'Route');
  const accepted = compiled.verdicts
    .find(({ kind, namespace, name }) => kind === 'LLMProvider' && namespace === provider && name === 'p')
    ?.conditions.find(({ type }) => type === 'Accepted');
  return {
    route,
    rule: route?.body?.rules[0],
    provider: items.find((item) => item.kind === 'Provider'),
    accepted,
  };
}

describe('constraints', () => {
  it('become integers, and need a proxy that holds them', () => {
    const { route, rule } = run(
      'constraints: { maxCost: "0.05", maxPrice: { input: "2.5", output: "10" }, maxLatency: 1s500ms, minQuality: 70, dataPolicy: { residency: [EU], retention: None, training: Never }, regions: [eu-central-1] }, onNoTarget: Cheapest',
    );
    expect(rule?.constraints).toEqual({
      maxCostMicroUsd: 50_000,
      maxInputPrice: 2_500_000,
      maxOutputPrice: 10_000_000,
      maxLatencyMs: 1500,
      minQuality: 70,
      dataPolicy: { residency: ['EU'], retentionDays: 0, training: 'Never' },
      regions: ['eu-central-1'],
    });
    expect(rule?.onNoTarget).toBe('Cheapest');
    expect(route?.requires).toContain('constraints');
  });

  it('are nothing where there are none', () => {
    const { route, rule } = run('onNoTarget: Reject');
    expect(rule).not.toHaveProperty('constraints');
    expect(rule).not.toHaveProperty('onNoTarget');
    expect(route?.requires).not.toContain('constraints');
  });
});

describe('what a provider says of itself', () => {
  const policy = {
    residency: ['EU'],
    retentionDays: 30,
    training: 'Never',
    classifications: ['internal', 'pii'],
  };

  it('goes to proxies from a platform namespace, and may be left aside by older ones', () => {
    const { provider, accepted } = run('', { platform: ['ops'], provider: 'ops' });
    expect(provider?.body).toMatchObject({ region: 'eu-central-1', dataPolicy: policy });
    expect(provider?.body?.models[0]?.quality).toEqual([{ task: 'default', score: 80 }]);
    expect(provider?.advisory).toEqual(['body.dataPolicy', 'body.models[].quality', 'body.region']);
    expect(provider?.requires).toEqual([]);
    expect(accepted).toMatchObject({ status: 'True', reason: 'Accepted' });
  });

  it('is inherited from there with base', () => {
    const { provider } = run('', {
      platform: ['ops'],
      provider: 'ops',
      more: `---
kind: LLMProvider
metadata: { namespace: shop, name: p }
spec: { type: OpenAI, base: { name: p, namespace: ops } }`,
    });
    expect(provider?.id).toBe('provider/shop/p');
    expect(provider?.body).toMatchObject({ region: 'eu-central-1', dataPolicy: policy });
  });

  it('is no promise anywhere else, and the status says so', () => {
    const { provider, accepted } = run('', { platform: ['ops'] });
    expect(provider?.body).toHaveProperty('region');
    expect(provider?.body).not.toHaveProperty('dataPolicy');
    expect(accepted).toMatchObject({
      status: 'True',
      reason: 'NotAPlatformNamespace',
      message:
        'the spec is valid, but allowedNamespaces.from All and dataPolicy have no effect: shop is not a platform namespace',
    });
  });

  it('counts again as soon as its namespace is one of the platform', () => {
    const text = `
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec: { models: [chat], rules: [{ name: r, targets: [{ name: t, provider: { name: p } }] }] }
---
${PROVIDER.replace('NAMESPACE', 'shop')}`;
    const { resources } = readCase(text);
    const [pod] = resources.pods;
    const vouched = ['', 'shop', ''].map((platform) => {
      const compiled = compile(resources, { platformNamespaces: platform ? [platform] : [], now: 0 });
      const item = pod && compiled.snapshotFor(pod).items.find(({ kind }) => kind === 'Provider');
      return item?.kind === 'Provider' && item.body?.dataPolicy !== undefined;
    });
    expect(vouched).toEqual([false, true, false]);
  });
});

describe('a strategy', () => {
  it.each<[string, object, string]>([
    [
      '{ type: Quality, quality: { task: code } }',
      { type: 'Quality', quality: { task: 'code' } },
      'strategy.quality',
    ],
    [
      '{ type: Hybrid, hybrid: { cost: 2, load: 1 } }',
      { type: 'Hybrid', hybrid: { cost: 2, load: 1 } },
      'strategy.hybrid',
    ],
    [
      '{ type: Adaptive, adaptive: { latency: 0 } }',
      { type: 'Adaptive', adaptive: { cost: 20, latency: 0, minSharePercent: 1, memory: 300 } },
      'strategy.adaptive',
    ],
    [
      '{ type: Adaptive }',
      { type: 'Adaptive', adaptive: { cost: 20, latency: 20, minSharePercent: 1, memory: 300 } },
      'strategy.adaptive',
    ],
    [
      '{ type: Layered, layers: [{ type: Cost }, { type: Latency, withinPercent: 0 }] }',
      {
        type: 'Layered',
        layers: [
          { type: 'Cost', withinPercent: 10 },
          { type: 'Latency', withinPercent: 0 },
        ],
      },
      'strategy.layered',
    ],
  ])('%s has its defaults filled in, and its feature', (given, expected, feature) => {
    const { route, rule } = run(`strategy: ${given}`);
    expect(rule?.strategy).toEqual(expected);
    expect(route?.requires).toContain(feature);
  });

  it('tells which of its values were unset', () => {
    const spec: LLMRouteSpec = {
      models: ['m'],
      rules: [
        {
          name: 'r',
          strategy: { type: 'Adaptive', adaptive: { cost: 5 } },
          targets: [{ name: 't', provider: { name: 'p' } }],
        },
      ],
    };
    const { defaulted } = effectiveRoute(spec);
    expect(defaulted.filter((path) => path.includes('adaptive'))).toEqual([
      'spec.rules[0].strategy.adaptive.latency',
      'spec.rules[0].strategy.adaptive.minSharePercent',
      'spec.rules[0].strategy.adaptive.memory',
    ]);
    expect(defaulted).toContain('spec.rules[0].onNoTarget');
  });
});
