import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '../../../../sidecar/accounting/usage.ts';
import type { RequestFacts } from '../../../../sidecar/routing/plan.ts';
import { type RoutingState, routingState } from '../../../../sidecar/routing/state.ts';
import { credential, facts, health, model, planned, provider, rule, target } from '../support.ts';

const THREE = ['a', 'b', 'c'].map((name) => provider(name));
const byHeader = { affinity: { by: 'Header', header: 'x-tenant' } } as const;
const from = (tenant: string) => facts({}, { 'x-tenant': tenant });
const targets = (weights: Record<string, number>) =>
  Object.entries(weights).map(([name, weight]) => target(name, { weight, model: 'm' }));

describe('affinity', () => {
  it('sends one key to one target, whatever chance says, in every pod', () => {
    const body = rule('r', { targets: targets({ a: 1, b: 1, c: 1 }), ...byHeader });
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.double({ min: 0, max: 0.999 }), (tenant, chance) => {
        const one = planned(body, THREE, { facts: from(tenant), random: [chance] });
        const other = planned(body, THREE, { facts: from(tenant), random: [0.5], now: 1e6 });
        expect(other.order[0]).toBe(one.order[0]);
        expect(new Set(one.order)).toEqual(new Set(['a', 'b', 'c']));
        expect(one.reasons[one.order[0] as string]).toBe('Selected');
      }),
      { numRuns: 60 },
    );
  });

  it('leaves what is behind the first to the strategy', () => {
    const body = rule('r', { targets: targets({ a: 1, b: 1, c: 1 }), ...byHeader });
    const orders = new Set(
      [0, 0.4, 0.7, 0.99].map((chance) =>
        planned(body, THREE, { facts: from('t'), random: [chance] }).order.join(),
      ),
    );
    expect(orders.size).toBeGreaterThan(1);
    expect(new Set([...orders].map((order) => order[0])).size).toBe(1);
  });

  it('shares keys out by weight, and moves only the keys of a target that falls ill', () => {
    const body = rule('r', { targets: targets({ a: 6, b: 3, c: 1 }), ...byHeader });
    const firsts = (sick: string | undefined) =>
      Array.from({ length: 3000 }, (_, i) => {
        const view = health(sick === undefined ? {} : { ejected: { [sick]: {} } });
        return planned(body, THREE, { facts: from(`t${i}`), health: view, random: [0.5] }).order[0];
      });
    const well = firsts(undefined);
    const count = (name: string) => well.filter((first) => first === name).length / well.length;
    expect(count('a')).toBeCloseTo(0.6, 1);
    expect(count('b')).toBeCloseTo(0.3, 1);
    const ill = firsts('a');
    expect(ill.filter((first, i) => well[i] !== 'a' && first !== well[i])).toEqual([]);
    expect(ill).not.toContain('a');
  });

  it('draws the credential together with the target', () => {
    const pool = [credential('k1', { weight: 1 }), credential('k2', { weight: 3 })];
    const body = rule('r', { targets: targets({ a: 1 }), ...byHeader });
    const firsts = (missing: string[]) =>
      Array.from({ length: 1000 }, (_, i) => {
        const view = health({ missing });
        return planned(body, [provider('a', { credentials: pool })], {
          facts: from(`t${i}`),
          health: view,
          random: [(i % 10) / 10],
        });
      });
    const all = firsts([]);
    expect(all.filter(({ order }) => order[0] === 'a#k2').length / all.length).toBeCloseTo(0.75, 1);
    // Each plan still has every credential once.
    for (const { order } of all) expect(order.toSorted()).toEqual(['a#k1', 'a#k2']);
    expect(new Set(firsts(['ns/p/k2']).map(({ order }) => order.join()))).toEqual(new Set(['a#k1']));
  });

  it('keeps to the tier: a higher priority comes first, affinity or not', () => {
    const list = [target('a', { priority: 1, model: 'm' }), target('b', { priority: 0, model: 'm' })];
    const body = rule('r', { targets: list, ...byHeader });
    for (let i = 0; i < 50; i++) {
      expect(planned(body, THREE, { facts: from(`t${i}`) }).order).toEqual(['b', 'a']);
    }
  });

  it('explains by which kind of key, and never shows it', () => {
    const body = rule('r', { targets: targets({ a: 1, b: 1 }), ...byHeader });
    const made = planned(body, THREE, { facts: from('acme-secret') });
    expect(made.steps?.[0]?.what).toBe('affinity by Header');
    expect(made.steps?.[0]?.detail).toContain(made.order[0]);
    expect(JSON.stringify(made)).not.toContain('acme-secret');
    const without = planned(body, THREE);
    expect(without.steps?.[0]?.detail).toContain('the request says nothing of the kind');
    expect(without.affinity).toBeUndefined();
  });
});

describe('the id of a conversation', () => {
  const body = rule('r', { targets: targets({ a: 1, b: 1, c: 1 }), affinity: { by: 'Conversation' } });
  const saying = (members: Record<string, unknown>, headers: Record<string, string> = {}): RequestFacts =>
    facts({ member: (name) => members[name], promptPrefix: () => Buffer.from('prefix') }, headers);

  it.each([
    ['prompt_cache_key', saying({ prompt_cache_key: 'id' })],
    ['conversation', saying({ conversation: { id: 'id' } })],
    ['metadata', saying({ metadata: { session_id: 'id' } })],
    ['a header', saying({}, { 'x-session-id': 'id' })],
  ])('is found in %s', (_, request) => {
    const made = planned(body, THREE, { facts: request });
    expect(made.affinity?.key).toEqual(
      planned(body, THREE, { facts: saying({ prompt_cache_key: 'id' }) }).affinity?.key,
    );
    expect(made.steps?.[0]?.what).toBe('affinity by Conversation');
  });

  it('is how the conversation begins, where it has none', () => {
    const made = planned(body, THREE, { facts: saying({ metadata: { user_id: 'u' } }) });
    expect(made.affinity?.key.kind).toBe('PromptPrefix');
  });
});

describe('a warm prompt cache', () => {
  const million = 1_000_000;
  /** Dollars per million tokens are pico-USD times a million. */
  const priced = (input: number, cacheRead: number, output: number) => ({
    input: input * million,
    cacheRead: cacheRead * million,
    output: output * million,
  });
  const dear = provider('dear', { models: [model('m', { prices: priced(10, 1, 10) })] });
  const cheap = provider('cheap', { models: [model('m', { prices: priced(2, 0.5, 10) })] });
  const body = rule('r', {
    targets: targets({ dear: 1, cheap: 1 }),
    affinity: { by: 'Header', header: 'x-tenant', promptCache: {} },
  });
  const request = (tenant: string, inputTokens: number) => facts({ inputTokens }, { 'x-tenant': tenant });
  const plan = (tenant: string, inputTokens: number, state: RoutingState, now = 0) =>
    planned(body, [dear, cheap], { facts: request(tenant, inputTokens), state, now });
  /** A tenant whose keys belong to the target. */
  const tenantOf = (owner: string): string => {
    for (let i = 0; ; i++) if (plan(`t${i}`, 1000, routingState()).order[0] === owner) return `t${i}`;
  };
  const warm = (tenant: string, at: string, tokens: number, now = 0): RoutingState => {
    const state = routingState();
    const made = plan(tenant, 1000, state);
    const candidate = made.candidates.find(({ target: { name } }) => name === at);
    if (!candidate || !made.affinity) throw new Error('the plan has the target');
    state.warm.note(made.affinity.number, candidate, { ...NO_USAGE, cacheRead: tokens }, undefined, now);
    return state;
  };

  it('keeps a request where reading the cache saves more than the owner would', () => {
    const tenant = tenantOf('cheap');
    // All of 10,000 tokens cached: 1 dollar per million there, 2 at the owner.
    const made = plan(tenant, 10_000, warm(tenant, 'dear', 10_000));
    expect(made.order[0]).toBe('dear');
    expect(made.steps?.[0]?.detail).toMatch(/kept on dear: about 10000 tokens in its cache save 0\.09/);
  });

  it('leaves it where the owner costs less, cold as it is', () => {
    const tenant = tenantOf('cheap');
    // Half cached: 5.50 dollars per million on average there, 2 at the owner.
    expect(plan(tenant, 10_000, warm(tenant, 'dear', 5000)).order[0]).toBe('cheap');
  });

  it('forgets when the vendor does', () => {
    const tenant = tenantOf('dear');
    const state = warm(tenant, 'cheap', 10_000);
    expect(plan(tenant, 10_000, state, 299_000).order[0]).toBe('cheap');
    expect(plan(tenant, 10_000, state, 300_000).order[0]).toBe('dear');
  });

  it('is of no account where the owner is warm too, or the rule does not ask for it', () => {
    const tenant = tenantOf('dear');
    const state = warm(tenant, 'cheap', 10_000);
    const made = plan(tenant, 10_000, state);
    const owner = made.candidates.find(({ target: { name } }) => name === 'dear');
    const { number = 0 } = made.affinity ?? {};
    if (owner) state.warm.note(number, owner, { ...NO_USAGE, cacheRead: 10 }, undefined, 0);
    expect(plan(tenant, 10_000, state).order[0]).toBe('dear');
    const plain = { ...body, affinity: { by: 'Header', header: 'x-tenant' } as const };
    const cold = planned(plain, [dear, cheap], {
      facts: request(tenant, 10_000),
      state: warm(tenant, 'cheap', 10_000),
    });
    expect(cold.order[0]).toBe('dear');
  });

  it('is forgotten when the vendor says that nothing of a long prompt was cached, and takes bounded room', () => {
    const tenant = tenantOf('dear');
    const state = warm(tenant, 'cheap', 10_000);
    const made = plan(tenant, 10_000, state);
    const [first] = made.candidates;
    const { number = 0 } = made.affinity ?? {};
    if (!first) throw new Error('there is a candidate');
    state.warm.note(number, first, { ...NO_USAGE, input: 500 }, undefined, 0);
    expect(state.warm.size).toBe(1);
    state.warm.note(number, first, { ...NO_USAGE, input: 5000 }, undefined, 0);
    expect(state.warm.size).toBe(0);
    for (let key = 0; key < 10_000; key++) {
      state.warm.note(key, first, { ...NO_USAGE, cacheRead: 2000 }, undefined, 0);
    }
    expect(state.warm.size).toBe(4096);
    expect(state.warm.knows(9999)).toBe(true);
    expect(state.warm.knows(0)).toBe(false);
  });
});
