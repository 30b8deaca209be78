/** Hedges, lists, budgets and learned limits: into the contract, with what nobody set. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import { effectiveRoute } from '../../../operator/compile/effective-route.ts';
import { requirementsOf } from '../../../sidecar/snapshot/additions.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';
import { routeItem, rule as ruleBody, target } from '../../sidecar/support/configuration.ts';
import { readCase } from './case.ts';

const key = (name: string): string =>
  `{ name: ${name}, type: APIKey, secretRef: { name: keys, key: ${name} } }`;

function run(rule: string, provider = 'models: [{ name: gpt-5-mini }]') {
  const { resources } = readCase(`
workloads: [{ namespace: shop, name: web-1 }]
---
kind: LLMRoute
metadata: { namespace: shop, name: chat }
spec:
  models: [chat]
  rules: [{ name: r, targets: [{ name: t, provider: { name: p }, model: gpt-5-mini }, { name: u, provider: { name: p }, weight: 0 }], ${rule} }]
---
kind: LLMProvider
metadata: { namespace: shop, name: p }
spec: { type: OpenAI, ${provider} }
`);
  const [pod] = resources.pods;
  if (!pod) throw new Error('the case has a pod');
  const { items } = compile(resources, { platformNamespaces: [], now: 0 }).snapshotFor(pod);
  const route = items.find((item) => item.kind === 'Route');
  if (route?.kind !== 'Route' || !route.body?.rules[0]) throw new Error(`no body: ${route?.reason}`);
  return { route, rule: route.body.rules[0] };
}

describe('what a rule says of second calls and failures', () => {
  it('is compiled, with what is unset filled in, and needs proxies that know it', () => {
    const { rule, route } = run(
      'hedge: {}, failover: { to: [{ when: [ContextWindow], targets: [u] }], retryBudget: { percent: 20 } }, timeouts: { learned: true, stall: {} }',
    );
    expect(rule.hedge).toEqual({ afterPercentile: 95, maxExtraCostPercent: 5 });
    expect(rule.failover).toMatchObject({
      to: [{ on: ['ContextWindow'], targets: ['u'] }],
      retryBudget: { percent: 20, minPerSecond: 10 },
    });
    expect(rule.failover.on, 'what has a list fails over').toContain('ContextWindow');
    expect(rule.learned).toEqual({ timeouts: true, stall: { percent: 10, windowMs: 10_000 } });
    expect(route.requires).toEqual(
      expect.arrayContaining(['hedge', 'failover.to', 'failover.retryBudget', 'timeouts.learned']),
    );
    expect(run('hedge: { after: 1s500ms, maxExtraCostPercent: 20, crossModel: true }').rule.hedge).toEqual({
      afterMs: 1500,
      maxExtraCostPercent: 20,
      crossModel: true,
    });
  });

  it('leaves nothing behind where nothing is said', () => {
    const { rule, route } = run('timeouts: { connect: 1s }');
    for (const name of ['hedge', 'learned', 'reasoningFirstTokenMs']) expect(rule).not.toHaveProperty(name);
    for (const name of ['to', 'retryBudget']) expect(rule.failover).not.toHaveProperty(name);
    expect(route.requires).toEqual(['failover']);
  });

  it('counts keys in the attempts that nobody set, three at most', () => {
    const keys = (names: string[]) => `credentials: [${names.map(key).join(', ')}]`;
    expect(run('failover: {}').rule.failover.maxAttempts, 'two targets').toBe(2);
    expect(run('failover: {}', keys(['a', 'b'])).rule.failover.maxAttempts).toBe(3);
    expect(run('failover: { maxAttempts: 1 }', keys(['a', 'b', 'c'])).rule.failover.maxAttempts).toBe(1);
    const spec = { models: ['m'], rules: [{ name: 'r', targets: [{ name: 't', provider: { name: 'p' } }] }] };
    const attempts = (count: number) => effectiveRoute(spec, () => count).spec.rules[0]?.failover.maxAttempts;
    expect([0, 1, 2, 5].map(attempts)).toEqual([1, 1, 2, 3]);
  });

  it('gives models that reason more time, unless the rule sets one or wants nothing learned', () => {
    const reasons = 'models: [{ name: gpt-5-mini, capabilities: [Chat, Reasoning] }]';
    const { rule, route } = run('timeouts: {}', reasons);
    expect(rule.reasoningFirstTokenMs).toBe(240_000);
    expect(route.advisory, 'older proxies do without').toContain('body.rules[].reasoningFirstTokenMs');
    expect(route.requires).not.toContain('timeouts.learned');
    for (const set of ['firstToken: 90s', 'learned: false']) {
      expect(run(`timeouts: { ${set} }`, reasons).rule).not.toHaveProperty('reasoningFirstTokenMs');
    }
  });

  it('has proxies wait for silent targets only where nothing shall be learned', () => {
    expect(run('timeouts: {}').rule).not.toHaveProperty('patient');
    expect(run('timeouts: { learned: true }').rule).not.toHaveProperty('patient');
    const { rule, route } = run('timeouts: { learned: false }');
    expect(rule.patient).toBe(true);
    expect(route.advisory, 'older proxies wait anyway').toContain('body.rules[].patient');
  });

  it('shows its defaults', () => {
    const { spec, defaulted } = effectiveRoute({
      models: ['m'],
      rules: [
        { name: 'r', targets: [{ name: 't', provider: { name: 'p' } }], hedge: {}, timeouts: { stall: {} } },
      ],
    });
    expect(spec.rules[0]).toMatchObject({
      hedge: { after: 'p95', maxExtraCostPercent: 5, crossModel: false },
      failover: { retryBudget: { percent: 200, minPerSecond: 10 } },
      timeouts: { stall: { ratePercent: 10, window: '10s' } },
    });
    expect(defaulted).toEqual(
      expect.arrayContaining(['spec.rules[0].hedge.after', 'spec.rules[0].timeouts.stall.window']),
    );
  });
});

describe('the judge of items', () => {
  const verdict = (over: object): string | undefined => {
    const base = ruleBody([target('t'), target('u')]);
    const item = routeItem(
      'r',
      ['m'],
      [{ ...base, ...over, failover: { ...base.failover, ...(over as typeof base).failover } }],
    );
    const judged = validateItem({ ...item, ...requirementsOf(item) });
    return judged.ok ? undefined : judged.reason;
  };
  it.each([
    [{ hedge: { maxExtraCostPercent: 5 } }, 'hedge.after is a percentile or a time'],
    [{ hedge: { afterMs: 5, afterPercentile: 95, maxExtraCostPercent: 5 } }, 'one of them'],
    [{ hedge: { afterPercentile: 30, maxExtraCostPercent: 5 } }, 'afterPercentile is 30'],
    [{ failover: { to: [{ on: ['Connect'], targets: ['x'] }] } }, 'failover.to[0].targets is "x"'],
    [
      { failover: { to: [{ on: ['ContextWindow'], targets: ['u'] }] } },
      'failover.to[0].when is "ContextWindow"',
    ],
    [{ failover: { to: [1, 2].map(() => ({ on: ['Connect'], targets: ['u'] })) } }, 'failover.to'],
    [{ learned: {} }, 'learned needs timeouts or stall'],
  ])('refuses %j', (over, said) => expect(verdict(over)).toContain(said));
  it('takes what is right', () =>
    expect(
      verdict({ failover: { to: [{ on: ['Connect', 'Timeout'], targets: ['u', 't'] }] } }),
    ).toBeUndefined());
});
