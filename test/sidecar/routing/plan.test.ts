import { describe, expect, it } from 'vitest';
import { refusal } from '../../../sidecar/routing/refusal.ts';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';
import {
  credential,
  facts,
  health,
  model,
  planned,
  provider,
  route,
  rule,
  table,
  target,
} from './support.ts';

const two = [provider('a'), provider('b')];
const pair = (over: Partial<RuleBody> = {}) => rule('r', { targets: [target('a'), target('b')], ...over });
/** A provider with one model and nothing else. */
const serving = (name: string, over: Parameters<typeof model>[1] = {}) =>
  provider(name, { openModels: false, models: [model('m', over)] });

function refused(made: ReturnType<typeof planned>) {
  const [one] = table([route('r', ['*'], [made.rule])]).routes;
  return one && refusal(one, made, facts());
}

describe('a target falls', () => {
  it('when its provider is not there, not valid, or not granted', () => {
    const body = rule('r', {
      targets: [target('gone'), target('a', { unresolved: 'not exported to shop' }), target('b')],
    });
    const made = planned(body, two);
    expect(made.order).toEqual(['b']);
    expect(made.reasons).toEqual({ gone: 'ProviderMissing', a: 'ProviderMissing', b: 'Selected' });
    expect(made.considered[1]?.detail).toBe('not exported to shop');
  });

  it('when the provider has a list of models without it', () => {
    const body = rule('r', { targets: [target('a', { model: 'x' }), target('b', { model: 'm' })] });
    expect(planned(body, [serving('a'), serving('b')]).reasons).toEqual({
      a: 'ModelNotServed',
      b: 'Selected',
    });
    const asked = planned(pair(), [serving('a'), provider('b')], { facts: facts({ askedModel: 'x' }) });
    expect(asked.reasons).toEqual({ a: 'ModelNotServed', b: 'Selected' });
    expect(asked.candidates[0]?.upstreamModel).toBe('x');
  });

  it.each([
    ['Chat', {}],
    ['Tools', { tools: true }],
    ['Vision', { vision: true }],
    ['JSONSchema', { jsonSchema: true }],
    ['Embeddings', { needs: 'Embeddings' as const }],
  ])('when its model lacks %s', (missing, over) => {
    const all = ['Chat', 'Tools', 'Vision', 'JSONSchema', 'Embeddings'] as const;
    const providers = [
      serving('a', { capabilities: all.filter((c) => c !== missing) }),
      serving('b', { capabilities: [...all] }),
    ];
    const made = planned(pair(), providers, { facts: facts(over) });
    expect(made.reasons).toEqual({ a: 'CapabilityMissing', b: 'Selected' });
    expect(made.considered[0]?.detail).toContain(missing);
  });

  it('not when what its model can do is unknown', () => {
    const request = facts({ tools: true, vision: true, inputTokens: 10_000_000, maxOutputTokens: 9_000_000 });
    expect(planned(pair(), [serving('a'), provider('b')], { facts: request }).order).toHaveLength(2);
  });

  it('when the request asks for more output than the model gives', () => {
    const providers = [serving('a', { maxOutputTokens: 999 }), serving('b', { maxOutputTokens: 1000 })];
    const made = planned(pair(), providers, { facts: facts({ maxOutputTokens: 1000 }) });
    expect(made.reasons).toEqual({ a: 'OutputTooLarge', b: 'Selected' });
  });

  it('with weight 0, even when nothing else is left', () => {
    const body = pair({ targets: [target('a', { weight: 0 }), target('b')] });
    expect(planned(body, two).reasons).toEqual({ a: 'ZeroWeight', b: 'Selected' });
    const ejected = planned(body, two, { health: health({ ejected: { b: {} } }) });
    expect(ejected.order).toEqual(['b']);
  });

  it('when the value of its key has not arrived', () => {
    const providers = [provider('a', { credentials: [credential('k')] }), provider('b')];
    const made = planned(pair(), providers, { health: health({ missing: ['ns/p/k'] }) });
    expect(made.reasons).toEqual({ a: 'CredentialMissing', b: 'Selected' });
  });

  it('when the named key is not there, or not for this route', () => {
    const pool = [credential('k'), credential('l')];
    const body = rule('r', {
      targets: [
        target('a', { credential: 'x' }),
        target('b', { credential: 'k', credentials: ['l'] }),
        target('c', { credentials: [] }),
        target('d', { credentials: ['l'] }),
      ],
    });
    const providers = ['a', 'b', 'c', 'd'].map((name) => provider(name, { credentials: pool }));
    const made = planned(body, providers);
    expect(made.order).toEqual(['d#l']);
    expect(made.reasons).toMatchObject({
      a: 'CredentialMissing',
      b: 'CredentialMissing',
      c: 'CredentialMissing',
    });
  });
});

describe('the order', () => {
  it('goes tier by tier, whatever the weights', () => {
    const body = rule('r', {
      targets: [
        target('a', { priority: 2 }),
        target('b', { priority: 1, weight: 1 }),
        target('c', { priority: 2 }),
      ],
    });
    const made = planned(body, [...two, provider('c')]);
    expect(made.order).toEqual(['b', 'a', 'c']);
    expect(made.reasons).toEqual({ b: 'Selected', a: 'OtherPriority', c: 'OtherPriority' });
  });

  it('starts at a later tier when an earlier one is ejected', () => {
    const body = rule('r', { targets: [target('a'), target('b', { priority: 1 })] });
    const made = planned(body, two, {
      health: health({ ejected: { a: { scope: 'Endpoint', until: 5000 } } }),
      now: 2000,
    });
    expect(made.order).toEqual(['b']);
    expect(made.considered[0]).toMatchObject({
      kept: false,
      reason: 'Ejected',
      detail: 'the endpoint is ejected for 3 s more',
    });
  });

  it('tries the ejected when nothing else is left, the first to recover in front', () => {
    const body = rule('r', { targets: [target('a'), target('b'), target('c', { priority: 1 })] });
    const ejected = { a: { until: 900 }, b: { until: 300 }, c: { until: 600 } };
    const made = planned(body, [...two, provider('c')], { health: health({ ejected }) });
    expect(made.order).toEqual(['b', 'c', 'a']);
    expect(Object.values(made.reasons)).toEqual(['LastResort', 'LastResort', 'LastResort']);
    expect(made.considered.every((c) => c.kept)).toBe(true);
  });

  it('names the numbers of what it weighed', () => {
    const body = pair({ targets: [target('a', { weight: 80 }), target('b', { weight: 20 })] });
    expect(planned(body, two).considered.map((c) => c.detail)).toEqual([
      'priority 0, weight 80 of 100',
      'priority 0, weight 20 of 100',
    ]);
  });

  it('leaves further requests of a retrying SDK one attempt', () => {
    expect(planned(pair(), two).maxAttempts).toBe(3);
    expect(planned(pair(), two, { facts: facts({}, { 'x-stainless-retry-count': '0' }) }).maxAttempts).toBe(
      3,
    );
    expect(planned(pair(), two, { facts: facts({}, { 'x-stainless-retry-count': '1' }) }).maxAttempts).toBe(
      1,
    );
  });
});

describe('the context window', () => {
  const small = serving('a', { contextWindow: 1000 });
  const large = serving('b', { contextWindow: 5000 });
  const asks = (inputTokens: number, inputTokensLowerBound: number, maxOutputTokens?: number) => ({
    facts: facts({ inputTokens, inputTokensLowerBound, maxOutputTokens }),
  });

  it('takes a target out only when even the lower bound does not fit', () => {
    expect(planned(pair(), [small, large], asks(2002, 1001)).reasons).toEqual({
      a: 'ContextWindowExceeded',
      b: 'Selected',
    });
  });

  it('ranks last what may not fit, behind lower tiers too', () => {
    const body = pair({ targets: [target('a', { weight: 1000 }), target('b', { priority: 1 })] });
    const made = planned(body, [small, large], asks(1500, 750));
    expect(made.order).toEqual(['b', 'a']);
    expect(made.reasons).toEqual({ a: 'ContextWindowTight', b: 'Selected' });
  });

  it('has to hold the output that is asked for as well', () => {
    expect(planned(pair(), [small, large], asks(100, 50, 951)).reasons.a).toBe('ContextWindowExceeded');
    expect(planned(pair(), [small, large], asks(100, 50, 901)).reasons.a).toBe('ContextWindowTight');
    expect(planned(pair(), [small, large], asks(100, 50, 900)).reasons.a).not.toBe('ContextWindowTight');
  });

  it('lets the largest be tried when estimates alone left nothing', () => {
    const made = planned(pair(), [small, large], asks(20_000, 10_000));
    expect(made.order).toEqual(['b']);
    expect(made.reasons).toEqual({ a: 'ContextWindowExceeded', b: 'ContextWindowTight' });
    expect(made.considered[1]).toMatchObject({
      kept: true,
      detail: expect.stringContaining('largest window'),
    });
  });

  it('refuses what is too large by what the caller itself asks for', () => {
    const made = planned(pair(), [small, large], asks(10, 5, 6000));
    expect(refused(made)).toMatchObject({ code: 'request_too_large_for_targets', status: 400 });
  });
});

describe('a refusal for size', () => {
  const body = pair({ targets: [target('a'), target('b'), target('gone'), target('c', { weight: 0 })] });
  const asks = { facts: facts({ maxOutputTokens: 6000 }) };
  const small = serving('a', { contextWindow: 1000 });

  it('stands although other targets never take traffic', () => {
    const made = planned(body, [small, serving('b', { maxOutputTokens: 10 }), provider('c')], asks);
    expect(refused(made)).toMatchObject({ code: 'request_too_large_for_targets' });
  });

  it('gives way where another target may serve the request in a moment', () => {
    const waiting = provider('b', { credentials: [credential('k')] });
    const made = planned(body, [small, waiting, provider('c')], {
      ...asks,
      health: health({ missing: ['ns/p/k'] }),
    });
    expect(refused(made)).toMatchObject({ code: 'no_target' });
  });
});

describe('the pool of credentials', () => {
  const pool = (names: string[], weights: number[] = []) =>
    provider('a', { credentials: names.map((name, i) => credential(name, { weight: weights[i] ?? 1 })) });
  const one = (over: Partial<RuleBody> = {}) => rule('r', { targets: [target('a')], ...over });

  it('is drawn from by weight, and the rest follows as alternates', () => {
    const providers = [pool(['k', 'l', 'm'], [1, 1, 2])];
    expect(planned(one(), providers, { random: [0.2] }).order).toEqual(['a#k', 'a#l', 'a#m']);
    expect(planned(one(), providers, { random: [0.25] }).order).toEqual(['a#l', 'a#k', 'a#m']);
    expect(planned(one(), providers, { random: [0.3] }).order).toEqual(['a#l', 'a#k', 'a#m']);
    expect(planned(one(), providers, { random: [0.99] }).order).toEqual(['a#m', 'a#k', 'a#l']);
  });

  it('leaves out weight 0, unless the target names it', () => {
    const providers = [pool(['k', 'l'], [0, 1])];
    expect(planned(one(), providers).order).toEqual(['a#l']);
    expect(planned(one({ targets: [target('a', { credential: 'k' })] }), providers).order).toEqual(['a#k']);
  });

  it('rotates away from an ejected key', () => {
    const made = planned(one(), [pool(['k', 'l'])], {
      health: health({ ejected: { 'a#k': { scope: 'Credential' } } }),
    });
    expect(made.order).toEqual(['a#l']);
    expect(made.reasons).toEqual({ a: 'Selected' });
  });

  it('comes back with the key that recovers first when all are ejected', () => {
    const ejected = { 'a#k': { until: 90 }, 'a#l': { until: 30 } };
    expect(planned(one(), [pool(['k', 'l'])], { health: health({ ejected }) }).order).toEqual(['a#l']);
  });

  it('offers further keys behind all targets, so that a dead vendor does not use up the attempts', () => {
    const body = rule('r', { targets: [target('a'), target('b', { priority: 1 })] });
    expect(planned(body, [pool(['k', 'l']), provider('b')]).order).toEqual(['a#k', 'b', 'a#l']);
  });

  it("takes the caller's own key only from a caller that sent one", () => {
    const providers = [provider('a', { credentials: [credential('own', { type: 'Passthrough' })] })];
    expect(planned(one(), providers).reasons).toEqual({ a: 'CredentialMissing' });
    const made = planned(one(), providers, {
      facts: facts({}, { authorization: 'Bearer x' }),
      health: health({ missing: ['ns/p/own'] }),
    });
    expect(made.order).toEqual(['a#own']);
  });
});

describe('a pinned request', () => {
  const pinned = facts({ pinned: true, replay: 'Unsent' });
  const body = pair({ statefulTarget: 1 });

  it('goes to the stateful target alone', () => {
    const made = planned(body, two, { facts: pinned });
    expect(made.order).toEqual(['b']);
    expect(made.reasons).toEqual({ a: 'NotPinned', b: 'Selected' });
  });

  it('does so whatever health and weight say, with the first credential of the pool', () => {
    const providers = [provider('a'), provider('b', { credentials: [credential('k'), credential('l')] })];
    const weightless = pair({ statefulTarget: 1, targets: [target('a'), target('b', { weight: 0 })] });
    const options = { facts: pinned, health: health({ ejected: { b: {} } }), random: [0.99] };
    expect(planned(weightless, providers, options).order).toEqual(['b#k']);
  });

  it('is refused rather than sent elsewhere', () => {
    const providers = [provider('a'), provider('b', { credentials: [credential('k')] })];
    const made = planned(body, providers, { facts: pinned, health: health({ missing: ['ns/p/k'] }) });
    expect(refused(made)?.message).toBe(
      'rule r of route ns/r has no target that can serve this request: b: no value has arrived for credential ns/p/k',
    );
  });

  it('keeps the model that is in an unread body', () => {
    const unread = facts({ dialect: 'openai-raw', pinned: true, unread: true, askedModel: 'theirs' });
    const named = pair({ targets: [target('a', { model: 'ours' }), target('b')] });
    expect(planned(named, two, { facts: unread }).candidates[0]?.upstreamModel).toBe('theirs');
    const none = facts({ dialect: 'openai-raw', pinned: true, unread: true, askedModel: undefined });
    expect(planned(named, two, { facts: none }).candidates[0]?.upstreamModel).toBe('');
  });
});

describe('a refusal', () => {
  it('names each target and why it fell', () => {
    const body = rule('r', { targets: [target('gone'), target('a', { weight: 0 })] });
    const made = planned(body, two);
    expect(made.candidates).toEqual([]);
    expect(refused(made)).toMatchObject({
      code: 'no_target',
      status: 503,
      message:
        'rule r of route ns/r has no target that can serve this request: ' +
        'gone: provider ns/gone is not there; a: weight 0 takes no traffic',
    });
  });
});
