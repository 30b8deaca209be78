/** Failures that go on to lists of their own: planned by the rules of the plan, tried in the order of the list. */
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '../../../dev/providers/behaviour.ts';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';
import { provider as body, facts, model, planned, target as routed, rule } from '../routing/support.ts';
import { chat } from './client.ts';
import type { FrontOptions } from './front.ts';
import { front, provider } from './harness.ts';

const status = (code: number, name?: string): Behaviour => ({
  failure: { kind: 'Status', status: code, ...(name && { code: name }) },
});
const failover = (over: Partial<RuleBody['failover']>): RuleBody['failover'] => ({
  on: ['ServerError', 'ContextWindow'],
  maxAttempts: 3,
  backoff: { baseMs: 1, maxMs: 1 },
  ...over,
});

/** Targets t0, t1 … that behave so; which of them answered, and in which order they were asked. */
async function asked(behaviours: Behaviour[], of: RuleBody['failover'], windows: number[] = []) {
  const providers = [];
  for (const behaviour of behaviours) providers.push(await provider(behaviour));
  const f = await front({
    targets: providers.map(({ url }): FrontOptions['targets'][number] => ({ url })),
    maxAttempts: of.maxAttempts,
    rule: { failover: of },
  });
  for (const [i, contextWindow] of windows.entries()) {
    const candidate = f.candidates[i];
    if (candidate) candidate.model = { name: 'scripted', upstreamName: 'scripted', contextWindow };
  }
  const answer = await chat(f.port).answer;
  const { attempts, steps } = await f.finished();
  return { status: answer.status, order: attempts.map(({ candidate }) => candidate.target.name), steps };
}

describe('a list of its own', () => {
  it('is tried in its order, instead of the plan', async () => {
    const {
      order,
      status: code,
      steps,
    } = await asked(
      [status(500), {}, status(500), {}],
      failover({ to: [{ on: ['ServerError'], targets: ['t2', 't3'] }] }),
    );
    expect([code, order]).toEqual([200, ['t0', 't2', 't3']]);
    expect(steps.filter(({ what }) => what === 'OwnList')[0]?.detail).toBe('ServerError goes on to t2, t3');
  });

  it('is that of the last failure: another class goes on through the plan', async () => {
    const { order } = await asked(
      [status(500), {}, status(400, 'context_length_exceeded')],
      failover({ to: [{ on: ['ServerError'], targets: ['t2'] }] }),
    );
    expect(order).toEqual(['t0', 't2', 't1']);
  });

  it('ends the request when it has nothing left', async () => {
    const { order, status: code } = await asked(
      [status(500), {}, status(500)],
      failover({
        maxAttempts: 5,
        to: [{ on: ['ServerError'], targets: ['t2'] }],
        retryBudget: { percent: 0, minPerSecond: 0 },
      }),
    );
    expect([code, order]).toEqual([500, ['t0', 't2']]);
  });

  it('asks the replay class first', async () => {
    const [bad, good] = [await provider(status(500)), await provider()];
    const f = await front({
      targets: [{ url: bad.url }, { url: good.url }],
      replay: 'Unsent',
      rule: { failover: failover({ to: [{ on: ['ServerError'], targets: ['t1'] }] }) },
    });
    expect((await chat(f.port).answer).status).toBe(500);
    expect(good.count).toBe(0);
  });
});

describe('a window that is too small', () => {
  const TOO_LONG = status(400, 'context_length_exceeded');
  const larger = failover({ on: ['ContextWindow'], to: [{ on: ['ContextWindow'], targets: ['t1', 't2'] }] });

  it('leads to larger ones only', async () => {
    const listed = await asked([TOO_LONG, {}, {}], larger, [1000, 1000, 2000]);
    expect([listed.status, listed.order]).toEqual([200, ['t0', 't2']]);
    const unlisted = await asked([TOO_LONG, {}, {}], failover({}), [1000, 500, 2000]);
    expect([unlisted.status, unlisted.order]).toEqual([200, ['t0', 't2']]);
  });

  it('leads nowhere where none is larger', async () => {
    const { status: code, order } = await asked([TOO_LONG, {}, {}], larger, [1000, 900, 1000]);
    expect([code, order]).toEqual([400, ['t0']]);
  });
});

describe('the plan', () => {
  const to = [{ on: ['ContextWindow' as const], targets: ['large'] }];
  const of = (weight: number) =>
    rule('r', {
      failover: { ...rule('r').failover, to },
      targets: [routed('small', { model: 'm' }), routed('large', { model: 'm', weight })],
    });
  const providers = (large: object) => [
    body('small', { models: [model('m')] }),
    body('large', { models: [model('m', large)] }),
  ];

  it('keeps a target of weight 0 for the failures that name it, if it can serve', () => {
    const plan = planned(of(0), providers({ contextWindow: 100_000 }));
    expect(plan.candidates.map(({ target }) => target.name)).toEqual(['small']);
    expect(plan.fallbacks?.map(({ target }) => target.name)).toEqual(['large']);
    expect(plan.considered[1]).toMatchObject({
      kept: false,
      reason: 'ZeroWeight',
      detail: 'weight 0 takes no traffic but what fails elsewhere with ContextWindow',
    });
    const short = planned(of(0), providers({ contextWindow: 300 }), {
      facts: facts({ inputTokens: 500, inputTokensLowerBound: 400 }),
    });
    expect(short.fallbacks).toBeUndefined();
    expect(short.considered[1]?.reason).toBe('ContextWindowExceeded');
    const unable = planned(of(0), providers({ capabilities: ['Chat'] }), { facts: facts({ vision: true }) });
    expect([unable.fallbacks, unable.considered[1]?.reason]).toEqual([undefined, 'CapabilityMissing']);
  });

  it('has none where nobody asks for them', () => {
    expect('fallbacks' in planned(rule('r'), [body('p')])).toBe(false);
  });
});
