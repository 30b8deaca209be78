import { expect, it } from 'vitest';
import type { LLMPolicySpec } from '../../../crds/llmpolicy.ts';
import type { LLMRouteSpec } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { RouteItem } from '../../../sidecar/snapshot/schema.ts';

const apiVersion = 'outrider.dev/v1alpha1';
type Limits = LLMRouteSpec['rules'][number]['rateLimits'];

function compiled(rateLimits: Limits, policy?: LLMPolicySpec) {
  const pod = { namespace: 'shop', name: 'app', uid: 'pod', labels: {} };
  const made = compile(
    {
      routes: [
        {
          apiVersion,
          kind: 'LLMRoute',
          metadata: { name: 'assistant', namespace: 'shop', uid: 'r', generation: 1 },
          spec: {
            models: ['assistant'],
            rules: [
              {
                name: 'chat',
                targets: [{ name: 't', provider: { name: 'p' }, model: 'm' }],
                ...(rateLimits && { rateLimits }),
              },
            ],
          },
        },
      ],
      providers: [
        {
          apiVersion,
          kind: 'LLMProvider',
          metadata: { name: 'p', namespace: 'shop', uid: 'p', generation: 1 },
          spec: { type: 'OpenAICompatible', endpoint: { url: 'https://p.example.com/v1' } },
        },
      ],
      secrets: [],
      namespaces: [{ name: 'shop', labels: {} }],
      pods: [pod],
      policies: policy
        ? [
            {
              apiVersion,
              kind: 'LLMPolicy',
              metadata: { name: 'ceiling', namespace: 'shop', uid: 'c', generation: 1 },
              spec: policy,
            },
          ]
        : [],
    },
    { platformNamespaces: [], now: 0 },
  );
  const item = made.snapshotFor(pod).items.find(({ kind }) => kind === 'Route') as RouteItem;
  return { item, limits: item.body?.rules[0]?.rateLimits, verdicts: made.verdicts };
}

it('limits are sent with every default, under the name of their rule, and need the feature', () => {
  const { item, limits } = compiled([
    {
      name: 'all',
      tokens: 1000,
      per: 'Minute',
      burst: 100,
      fair: { by: [{ by: 'Header', header: 'X-Team' }] },
    },
    { name: 'each', concurrency: 3, key: [{ by: 'Workload' }], onExceeded: 'Wait' },
  ]);
  expect(limits).toEqual([
    {
      id: 'route/shop/assistant/chat/all',
      rate: { of: 'Tokens', amount: 1000, per: 'Minute', burst: 100 },
      key: [],
      maxKeys: 1000,
      fair: { by: [{ by: 'Header', header: 'x-team' }], weights: [] },
      maxWaitMs: 0,
    },
    {
      id: 'route/shop/assistant/chat/each',
      concurrency: 3,
      key: [{ by: 'Workload' }],
      maxKeys: 1000,
      maxWaitMs: 10_000,
    },
  ]);
  expect(item.requires).toContain('rateLimits');
  expect(compiled(undefined).item.requires).not.toContain('rateLimits');
});

it('defaults of a policy are for rules without limits, and its overrides for all', () => {
  const policy: LLMPolicySpec = {
    defaults: { rateLimits: [{ name: 'usual', requests: 10, per: 'Second' }] },
    overrides: { rateLimits: [{ name: 'hard', requests: 100, per: 'Hour' }] },
  };
  const ids = (limits: Limits) => compiled(limits, policy).limits?.map(({ id }) => id);
  expect(ids(undefined)).toEqual(['route/shop/assistant/chat/usual', 'policy/shop/ceiling/hard']);
  expect(ids([{ name: 'own', requests: 1, per: 'Minute' }])).toEqual([
    'route/shop/assistant/chat/own',
    'policy/shop/ceiling/hard',
  ]);
});

it('a wait that is too long is the mistake of whoever wrote it', () => {
  const long = [
    { name: 'l', requests: 1, per: 'Minute' as const, onExceeded: 'Wait' as const, maxWait: '1h' },
  ];
  const own = compiled(long);
  expect(own.item.state).toBe('Invalid');
  expect(own.item.reason).toContain('spec.rules[0].rateLimits[0].maxWait in milliseconds is 3600000');
  const policy = compiled(undefined, { overrides: { rateLimits: long } });
  const verdict = policy.verdicts.find(({ kind }) => kind === 'LLMPolicy');
  expect(JSON.stringify(verdict)).toContain(
    'spec.overrides.rateLimits[0].maxWait in milliseconds is 3600000',
  );
  expect(policy.item.reason).toContain('policy shop/ceiling is not valid');
});
