import { describe, expect, it } from 'vitest';
import type { LLMPolicy, LLMPolicySpec } from '../../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../../crds/llmprovider.ts';
import type { LLMRoute, LLMRouteSpec } from '../../../crds/llmroute.ts';
import { compile } from '../../../operator/compile/compile.ts';
import { CompileMemory } from '../../../operator/compile/memory.ts';
import type { Resources, Verdict } from '../../../operator/compile/types.ts';
import type { RouteItem } from '../../../sidecar/snapshot/schema.ts';

const apiVersion = 'outrider.dev/v1alpha1';

const provider = (name: string, namespace = 'platform', spec: object = {}): LLMProvider => ({
  apiVersion,
  kind: 'LLMProvider',
  metadata: { name, namespace, uid: `${namespace}-${name}`, generation: 1 },
  spec: {
    type: 'OpenAICompatible',
    endpoint: { url: `https://${name}.example.com/v1` },
    allowedNamespaces: { from: 'All' },
    ...spec,
  },
});

const route = (spec: Partial<LLMRouteSpec> = {}, namespace = 'shop', name = 'assistant'): LLMRoute => ({
  apiVersion,
  kind: 'LLMRoute',
  metadata: { name, namespace, uid: `${namespace}-${name}`, generation: 1 },
  spec: {
    models: ['assistant'],
    rules: [
      {
        name: 'all',
        targets: [
          { name: 'a', provider: { name: 'one' } },
          { name: 'b', provider: { name: 'two' } },
        ],
      },
    ],
    ...spec,
  },
});

const policy = (
  name: string,
  spec: LLMPolicySpec,
  namespace = 'platform',
  creationTimestamp = '2026-01-01T00:00:00Z',
): LLMPolicy => ({
  apiVersion,
  kind: 'LLMPolicy',
  metadata: { name, namespace, uid: `${namespace}-${name}`, generation: 1, creationTimestamp },
  spec,
});

const ALL = { namespaceSelector: {} };
const PROVIDERS = [provider('one'), provider('two')];
const pod = { namespace: 'shop', name: 'app', uid: 'pod', labels: {} };

function compiled(policies: LLMPolicy[], rest: Partial<Resources> = {}, memory?: CompileMemory) {
  const resources: Resources = {
    routes: [route()],
    providers: PROVIDERS,
    secrets: [],
    namespaces: [{ name: 'shop', labels: { tier: 'team' } }],
    pods: [pod],
    ...rest,
    policies,
  };
  const made = compile(resources, { platformNamespaces: ['platform'], now: 0 }, memory);
  const items = made.snapshotFor(pod).items;
  const item = (id = 'route/shop/assistant') => items.find((each) => each.id === id) as RouteItem;
  const verdict = (kind: Verdict['kind'], key: string) =>
    made.verdicts.find((v) => v.kind === kind && `${v.namespace}/${v.name}` === key);
  const condition = (kind: Verdict['kind'], key: string, type: string) =>
    verdict(kind, key)?.conditions.find((c) => c.type === type);
  return { made, item, rule: (i = 0) => item().body?.rules[i], verdict, condition };
}

describe('which routes a policy is for', () => {
  const strict: LLMPolicySpec = { defaults: { timeouts: { connect: '1s' } } };
  const connect = (policies: LLMPolicy[], rest?: Partial<Resources>) =>
    compiled(policies, rest).rule()?.timeouts.connectMs;

  it('is all of its own namespace, and no other, unless it says more', () => {
    expect(connect([policy('p', strict, 'shop')])).toBe(1000);
    expect(connect([policy('p', strict, 'platform')])).toBe(3000);
    expect(connect([policy('p', strict, 'blog')])).toBe(3000);
  });

  it('is those it names', () => {
    const named = (name: string) => ({ ...strict, targetRefs: [{ kind: 'LLMRoute' as const, name }] });
    expect(connect([policy('p', named('assistant'), 'shop')])).toBe(1000);
    expect(connect([policy('p', named('other'), 'shop')])).toBe(3000);
  });

  it('is those of namespaces that a platform namespace selects', () => {
    const selecting = (tier: string) => ({ ...strict, namespaceSelector: { matchLabels: { tier } } });
    expect(connect([policy('p', selecting('team'))])).toBe(1000);
    expect(connect([policy('p', selecting('other'))])).toBe(3000);
    const { condition, verdict } = compiled([policy('p', selecting('team'))]);
    expect(condition('LLMPolicy', 'platform/p', 'Accepted')?.status).toBe('True');
    expect(verdict('LLMPolicy', 'platform/p')?.routes).toBe(1);
  });

  it('says so where it selects without being of the platform, and counts at home', () => {
    const selecting = policy('p', { ...strict, namespaceSelector: {} }, 'blog');
    expect(connect([selecting])).toBe(3000);
    expect(compiled([selecting]).condition('LLMPolicy', 'blog/p', 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'NotAPlatformNamespace',
    });
    expect(connect([policy('p', { ...strict, namespaceSelector: {} }, 'shop')])).toBe(1000);
  });
});

describe('defaults', () => {
  const set = (connect: string, more: LLMPolicySpec = {}): LLMPolicySpec => ({
    ...ALL,
    ...more,
    defaults: { timeouts: { connect } },
  });

  it('fill in what a rule leaves out, field by field, and nothing else', () => {
    const rules: LLMRouteSpec['rules'] = [
      {
        name: 'all',
        targets: [{ name: 'a', provider: { name: 'one' } }],
        timeouts: { connect: '2s' },
        failover: { backoff: { base: '50ms' } },
      },
    ];
    const { rule } = compiled(
      [
        policy('p', {
          ...ALL,
          defaults: {
            timeouts: { connect: '1s', firstToken: '9s' },
            failover: { when: ['Connect'], maxAttempts: 2, backoff: { base: '10ms', max: '20ms' } },
            commit: { holdMax: '1s' },
            admission: { class: 'Low', maxWait: '1s' },
            responses: { store: 'Never' },
          },
        }),
      ],
      { routes: [route({ rules })] },
    );
    expect(rule()).toMatchObject({
      timeouts: { connectMs: 2000, firstTokenMs: 9000, interTokenMs: 60_000 },
      // What is said together is not mixed.
      failover: { on: ['Connect'], maxAttempts: 2, backoff: { baseMs: 50, maxMs: 2000 } },
      holdMaxMs: 1000,
      admission: { class: 'Low', maxWaitMs: 1000 },
      responses: { store: 'Never' },
    });
  });

  it('leave failures alone where the rule has lists for some', () => {
    const failover = { to: [{ when: ['Timeout' as const], targets: ['b'] }] };
    const rules = route().spec?.rules.map((rule) => ({ ...rule, failover }));
    const { rule, item } = compiled(
      [policy('p', { ...ALL, defaults: { failover: { when: ['Connect'] } } })],
      rules && { routes: [route({ rules })] },
    );
    expect(item().state).toBe('Valid');
    expect(rule()?.failover.on).toContain('Timeout');
  });

  it.each([
    ['the own namespace before the platform', [policy('p', set('1s')), policy('q', set('2s'), 'shop')], 2000],
    [
      'one that names the route before one for all',
      [
        policy('p', set('1s')),
        policy('q', set('2s', { targetRefs: [{ kind: 'LLMRoute', name: 'assistant' }] })),
      ],
      2000,
    ],
    [
      'an older before a newer one',
      [policy('p', set('1s'), 'platform', '2026-02-01T00:00:00Z'), policy('q', set('2s'))],
      2000,
    ],
    ['the first by name', [policy('q', set('2s')), policy('p', set('1s'))], 1000],
  ])('of several: %s', (_, policies, expected) => {
    expect(compiled(policies).rule()?.timeouts.connectMs).toBe(expected);
    expect(compiled(policies.toReversed()).rule()?.timeouts.connectMs).toBe(expected);
  });
});

describe('overrides', () => {
  const allow = (...names: string[]): LLMPolicySpec => ({
    ...ALL,
    overrides: { allowedProviders: names.map((name) => ({ name })) },
  });

  it('take targets of other providers out, and say which policy did', () => {
    const { rule, condition } = compiled([policy('guard', allow('one'))]);
    expect(rule()?.targets.map(({ unresolved }) => unresolved)).toEqual([
      undefined,
      'policy platform/guard does not allow provider platform/two',
    ]);
    expect(condition('LLMRoute', 'shop/assistant', 'ResolvedRefs')).toMatchObject({
      status: 'False',
      reason: 'NotAllowedByPolicy',
      message: expect.stringContaining('spec.rules[0].targets[1].provider: policy platform/guard') as string,
    });
    expect(condition('LLMRoute', 'shop/assistant', 'Accepted')?.status).toBe('True');
  });

  it('say of a route that no target is left', () => {
    const { item, condition } = compiled([policy('a', allow('one')), policy('b', allow('two'))]);
    expect(condition('LLMRoute', 'shop/assistant', 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'NoTargetAllowed',
      message: expect.stringContaining('rule all has no target left') as string,
    });
    expect(item().body?.rules[0]?.targets.every(({ unresolved }) => unresolved !== undefined)).toBe(true);
  });

  it('know a provider that inherits from an allowed one, and not one that merely has its name', () => {
    const own = (spec: object) => provider('one', 'shop', spec);
    const rules = [{ name: 'all', targets: [{ name: 'a', provider: { name: 'one' } }] }];
    const with_ = (mine: LLMProvider) =>
      compiled([policy('guard', allow('one'))], {
        providers: [...PROVIDERS, mine],
        routes: [route({ rules })],
      }).rule()?.targets[0];
    const heir: LLMProvider = {
      ...own({}),
      spec: { base: { name: 'one', namespace: 'platform' } },
    } as LLMProvider;
    expect(with_(heir)).toMatchObject({ provider: 'provider/shop/one' });
    expect(with_(heir)?.unresolved).toBeUndefined();
    expect(with_(own({ endpoint: { url: 'https://elsewhere.example.com' } }))?.unresolved).toContain(
      'platform/guard',
    );
  });

  it('say of providers and routes that are not there which ones may be meant', () => {
    const { condition } = compiled([
      policy('guard', {
        ...allow('on'),
        targetRefs: [{ kind: 'LLMRoute', name: 'asistant' }],
      }),
    ]);
    const message = condition('LLMPolicy', 'platform/guard', 'ResolvedRefs')?.message;
    expect(message).toMatch(/spec\.targetRefs\[0\]\.name: there is no route asistant.*assistant/);
    expect(message).toMatch(/allowedProviders\[0\]\.name: there is no provider on .*one/);
  });

  it('make constraints stricter, never looser', () => {
    const rules = [
      {
        name: 'all',
        targets: [{ name: 'a', provider: { name: 'one' } }],
        maxOutputTokens: 500,
        constraints: {
          maxCost: '0.10',
          dataPolicy: { residency: ['EU', 'US'], retention: '10d' },
        },
      },
    ] as LLMRouteSpec['rules'];
    const { rule } = compiled(
      [
        policy('p', {
          ...ALL,
          overrides: {
            maxCost: '0.50',
            maxOutputTokens: 100,
            dataPolicy: { residency: ['EU', 'CH'], retention: '30d', training: 'Never' },
          },
        }),
        policy('q', {
          ...ALL,
          overrides: { maxCost: '0.05', maxOutputTokens: 200, dataPolicy: { retention: 'None' } },
        }),
      ],
      { routes: [route({ rules })] },
    );
    expect(rule()).toMatchObject({
      maxOutputTokens: 100,
      constraints: {
        maxCostMicroUsd: 50_000,
        dataPolicy: { residency: ['EU'], retentionDays: 0, training: 'Never' },
      },
    });
  });

  it('hold for models that signals ask, which no rule speaks for', () => {
    const dataPolicy = { residency: ['US'], training: 'Never' as const };
    const asked = {
      ...route().spec,
      signals: {
        classifier: {
          provider: { name: 'one' },
          model: 'm',
          labels: [
            { name: 'a', description: 'one' },
            { name: 'b', description: 'other' },
          ],
        },
      },
    };
    const under = (residency: string) => {
      const made = compiled(
        [policy('p', { ...ALL, overrides: { dataPolicy: { residency: [residency] } } })],
        {
          routes: [route(asked)],
          providers: [provider('one', 'platform', { dataPolicy }), provider('two')],
        },
      );
      return made.item().body?.signals?.classifier?.target.unresolved;
    };
    expect(under('US')).toBeUndefined();
    expect(under('EU')).toBe('provider platform/one keeps data in US; the policy allows EU (platform/p)');
  });

  it('close a rule whose places none of them allow', () => {
    const places = (...residency: string[]): LLMPolicySpec => ({
      ...ALL,
      overrides: { dataPolicy: { residency } },
    });
    const { rule, condition } = compiled([policy('p', places('EU')), policy('q', places('US'))]);
    expect(rule()?.targets[0]?.unresolved).toBe('policies platform/p, platform/q allow no place in common');
    expect(condition('LLMRoute', 'shop/assistant', 'Accepted')?.reason).toBe('NoTargetAllowed');
  });
});

describe('budgets of policies', () => {
  const spec: LLMPolicySpec = {
    ...ALL,
    budgets: [{ name: 'monthly', amount: '500', period: { unit: 'Month' }, alertAt: [80, 50] }],
  };

  it('are one for all routes under the policy, besides those of the routes', () => {
    const own = [{ name: 'daily', amount: '5', period: { unit: 'Day' as const } }];
    const routes = [route({ budgets: own }), route({ models: ['second'] }, 'shop', 'second')];
    const { item, made } = compiled([policy('teams', spec)], { routes });
    const ids = (id: string) => item(id).body?.budgets?.map((budget) => budget.id);
    expect(ids('route/shop/assistant')).toEqual([
      'route/shop/assistant/daily',
      'policy/platform/teams/monthly',
    ]);
    expect(ids('route/shop/second')).toEqual(['policy/platform/teams/monthly']);
    expect(item().requires).toContain('budgets');
    expect(made.budgets.map(({ owner, name, alertAt }) => [owner.kind, name, alertAt])).toEqual([
      ['LLMPolicy', 'monthly', [50, 80]],
      ['LLMRoute', 'daily', []],
    ]);
  });

  it('keep routes as they are under a policy that cannot be enforced', () => {
    const wrong = policy('teams', {
      ...ALL,
      budgets: [{ name: 'monthly', amount: '1', period: { unit: 'Month', timeZone: 'Mars/Olympus' } }],
    });
    const { item, condition } = compiled([wrong]);
    expect(item().state).toBe('Invalid');
    expect(item().reason).toContain('policy platform/teams is not valid');
    expect(condition('LLMRoute', 'shop/assistant', 'Accepted')?.reason).toBe('PolicyInvalid');
    expect(condition('LLMPolicy', 'platform/teams', 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'Invalid',
      message: expect.stringContaining('spec.budgets[0].period.timeZone') as string,
    });
  });

  it('send webhooks only from the platform', () => {
    const alerts = { webhook: { url: 'https://hooks.example.com/x' } };
    const from = (namespace: string) =>
      compiled([policy('teams', { ...spec, namespaceSelector: undefined, alerts }, namespace)]);
    expect(from('platform').made.budgets[0]?.webhook?.url).toBe('https://hooks.example.com/x');
    expect(from('shop').made.budgets[0]?.webhook).toBeUndefined();
    expect(from('shop').condition('LLMPolicy', 'shop/teams', 'Accepted')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('spec.alerts.webhook has no effect') as string,
    });
  });
});

describe('webhooks', () => {
  it('are told of hosts that the operator may not dial, where that is known', () => {
    const hooked = policy('teams', { alerts: { webhook: { url: 'https://hooks.example.com/x' } } });
    const resolved = (egressHosts?: string[]) =>
      compile(
        { routes: [], providers: [], policies: [hooked], secrets: [], namespaces: [], pods: [] },
        { platformNamespaces: ['platform'], now: 0, ...(egressHosts && { egressHosts }) },
      ).verdicts[0]?.conditions.find(({ type }) => type === 'ResolvedRefs');
    expect(resolved()?.status).toBe('True');
    expect(resolved(['hooks.example.com'])?.status).toBe('True');
    expect(resolved([])).toMatchObject({
      status: 'False',
      reason: 'EgressNotAllowed',
      message: expect.stringContaining('hooks.example.com') as string,
    });
  });
});

describe('what was compiled before', () => {
  it('is used again while policies are the same, and never where they are not', () => {
    const memory = new CompileMemory();
    const first = policy('p', { ...ALL, defaults: { timeouts: { connect: '1s' } } });
    const routes = [route()];
    const one = compiled([first], { routes }, memory);
    const again = compiled([first], { routes }, memory);
    expect(again.item().body).toBe(one.item().body);
    const changed = policy('p', { ...ALL, defaults: { timeouts: { connect: '2s' } } });
    expect(compiled([changed], { routes }, memory).rule()?.timeouts.connectMs).toBe(2000);
    expect(compiled([], { routes }, memory).rule()?.timeouts.connectMs).toBe(3000);
    expect(compiled([first], { routes }, memory).rule()?.timeouts.connectMs).toBe(1000);
  });
});
