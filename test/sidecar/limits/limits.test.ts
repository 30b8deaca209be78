import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';
import type { Attempt, Exchange } from '../../../sidecar/exchange.ts';
import { Limits } from '../../../sidecar/limits/limits.ts';
import type { Permit } from '../../../sidecar/limits/permit.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import type { EffectiveProvider } from '../../../sidecar/snapshot/effective.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { credential, facts, model, provider, target } from '../routing/support.ts';

const MINUTE = 60_000;
const NORMAL = 2;

function world(body: ProviderBody) {
  const clock = { now: 1_000_000 };
  const limits = new Limits({
    now: () => clock.now,
    wall: () => 1_780_000_000_000 + clock.now,
    estimates: { inputTokens: (_, estimated) => estimated, outputReserve: () => 50 },
  });
  const apply = (next: ProviderBody) => {
    const id = `provider/ns/${next.name}`;
    const one: EffectiveProvider = { id, generation: 1, body: next, reason: undefined };
    limits.apply({ providers: new Map([[id, one]]) });
  };
  apply(body);
  const candidate = (key?: string, name = 'm'): Candidate => ({
    index: 0,
    target: target(body.name),
    providerId: `provider/ns/${body.name}`,
    provider: body,
    credential: body.credentials.find((c) => c.name === key),
    upstreamModel: name,
    model: body.models.find((m) => m.name === name),
  });
  const reserve = (c: Candidate, tokens = 10): Permit | 'Free' | 'Refused' =>
    limits.reserve(c, facts({ inputTokens: tokens, maxOutputTokens: 0 }), NORMAL, clock.now);
  const shortage = (c: Candidate, tokens = 10) =>
    limits.shortage(c, facts({ inputTokens: tokens, maxOutputTokens: 0 }), NORMAL, clock.now);
  return { clock, limits, apply, candidate, reserve, shortage };
}

const permitOf = (taken: Permit | 'Free' | 'Refused'): Permit => {
  if (typeof taken === 'string') throw new Error(`expected a permit, not ${taken}`);
  return taken;
};

describe('limits', () => {
  it('leave providers without any alone', () => {
    const { reserve, shortage, candidate } = world(provider('p', { credentials: [credential('a')] }));
    expect(reserve(candidate('a'))).toBe('Free');
    expect(shortage(candidate('a'))).toBeUndefined();
  });

  it('say with numbers what is used up, and when there is room again', () => {
    const { clock, reserve, shortage, candidate } = world(
      provider('p', { credentials: [credential('a', { limits: { requestsPerMinute: 2 } })] }),
    );
    const a = candidate('a');
    permitOf(reserve(a));
    permitOf(reserve(a));
    expect(reserve(a)).toBe('Refused');
    const short = shortage(a);
    expect(short?.detail).toBe('key a: 2 of 2 requests of the minute are used');
    clock.now = (short?.until ?? 0) - 1;
    expect(reserve(a)).toBe('Refused');
    clock.now += 1;
    permitOf(reserve(a));
  });

  it('take part of every limit or of none', () => {
    const { reserve, candidate } = world(
      provider('p', {
        limits: { maxConcurrent: 3 },
        credentials: [credential('a', { limits: { maxConcurrent: 1 } }), credential('b')],
      }),
    );
    permitOf(reserve(candidate('a')));
    for (let i = 0; i < 5; i++) expect(reserve(candidate('a'))).toBe('Refused');
    // What was refused has taken nothing of the provider's three.
    permitOf(reserve(candidate('b')));
    permitOf(reserve(candidate('b')));
    expect(reserve(candidate('b'))).toBe('Refused');
  });

  it('hold the model across its keys, and one key across its models', () => {
    const { reserve, candidate } = world(
      provider('p', {
        models: [model('m', { limits: { requestsPerMinute: 2 } }), model('n')],
        credentials: [credential('a', { limits: { requestsPerMinute: 3 } }), credential('b')],
      }),
    );
    permitOf(reserve(candidate('a', 'm')));
    permitOf(reserve(candidate('b', 'm')));
    expect(reserve(candidate('b', 'm'))).toBe('Refused');
    permitOf(reserve(candidate('a', 'n')));
    permitOf(reserve(candidate('a', 'n')));
    expect(reserve(candidate('a', 'n'))).toBe('Refused');
  });

  it('settle tokens as they turned out, and refund what was refused', () => {
    const { clock, reserve, candidate } = world(provider('p', { limits: { tokensPerMinute: 1000 } }));
    const c = candidate();
    const first = permitOf(reserve(c, 900));
    expect(reserve(c, 200)).toBe('Refused');
    first.end(false, clock.now);
    first.settle(300, clock.now);
    const second = permitOf(reserve(c, 700));
    expect(reserve(c, 1)).toBe('Refused');
    second.end(true, clock.now);
    second.settle(5000, clock.now);
    permitOf(reserve(c, 700));
  });

  it('give a request that is larger than the whole limit all of it', () => {
    const { reserve, candidate } = world(provider('p', { limits: { tokensPerMinute: 100 } }));
    permitOf(reserve(candidate(), 5000));
    expect(reserve(candidate(), 1)).toBe('Refused');
  });

  it('are a share of the fleet where it is told, at least one', () => {
    const { limits, reserve, candidate } = world(
      provider('p', { limits: { requestsPerMinute: 100 }, credentials: [credential('a')] }),
    );
    limits.setShares(new Map([['provider/ns/p', 0.03]]));
    for (let i = 0; i < 3; i++) permitOf(reserve(candidate('a')));
    expect(reserve(candidate('a'))).toBe('Refused');
    limits.setShares(new Map([['provider/ns/p', 0.000001]]));
    expect(reserve(candidate('a'))).toBe('Refused');
    limits.setShares(new Map());
    permitOf(reserve(candidate('a')));
  });

  it('keep what was counted when a configuration changes', () => {
    const body = provider('p', { limits: { requestsPerMinute: 2, maxConcurrent: 5 } });
    const { clock, apply, reserve, candidate } = world(body);
    const held = permitOf(reserve(candidate()));
    permitOf(reserve(candidate()));
    apply({ ...body, limits: { requestsPerMinute: 3, maxConcurrent: 5 } });
    permitOf(reserve(candidate()));
    expect(reserve(candidate())).toBe('Refused');
    apply({ ...body, limits: { maxConcurrent: 3 } });
    expect(reserve(candidate())).toBe('Refused');
    held.end(false, clock.now);
    permitOf(reserve(candidate()));
  });

  it('are given back by attempts however they end, once', () => {
    const ends = fc.record({
      noWork: fc.boolean(),
      failure: fc.constantFrom(undefined, 'Timeout', 'RateLimited', 'Connect', 'StreamError'),
      status: fc.constantFrom(undefined, 200, 429, 500, 503),
      twice: fc.boolean(),
      never: fc.boolean(),
      wait: fc.integer({ min: 0, max: 20_000 }),
    });
    fc.assert(
      fc.property(fc.array(ends, { maxLength: 60 }), (all) => {
        const { clock, limits, candidate, shortage } = world(
          provider('p', {
            limits: { maxConcurrent: 4, requestsPerMinute: 20, tokensPerMinute: 500 },
            concurrency: { mode: 'Adaptive', min: 2, initial: 6, max: 50 },
          }),
        );
        const c = candidate();
        const asked = facts({ inputTokens: 20, maxOutputTokens: 10 });
        const counted: number[] = [];
        const running: { attempt: Attempt; how: (typeof all)[number] }[] = [];
        const finish = ({ attempt, how }: (typeof running)[number]): void => {
          Object.assign(attempt, { endedAt: clock.now, noWork: how.noWork, failure: how.failure });
          Object.assign(attempt, { httpStatus: how.status });
          attempt.settlement = { usage: { ...NO_USAGE, input: 25 }, source: 'Provider' } as never;
          const exchange = { attempts: [attempt], facts: asked } as unknown as Exchange;
          if (!how.never) limits.ended(attempt);
          if (how.twice) limits.ended(attempt);
          limits.completed(exchange);
          const refunded = how.never || (how.noWork && how.failure !== undefined);
          if (refunded) counted.splice(counted.indexOf(attempt.startedAt), 1);
        };
        for (const how of all) {
          clock.now += how.wait;
          const taken = limits.reserve(c, asked, NORMAL, clock.now);
          if (typeof taken === 'string') {
            const next = running.shift();
            if (next) finish(next);
          } else {
            counted.push(clock.now);
            const attempt = { candidate: c, startedAt: clock.now, permit: taken } as unknown as Attempt;
            running.push({ attempt, how });
          }
          expect(running.length).toBeLessThanOrEqual(4);
          for (const start of counted) {
            const inWindow = counted.filter((at) => at >= start && at < start + MINUTE).length;
            expect(inWindow).toBeLessThanOrEqual(20);
          }
        }
        for (const one of running) finish(one);
        // Nothing is lost: after a quiet time everything is free.
        clock.now += 2 * MINUTE;
        expect(shortage(c)).toBeUndefined();
        const fresh = [1, 2].map(() => limits.reserve(c, asked, NORMAL, clock.now));
        expect(fresh.every((taken) => typeof taken !== 'string')).toBe(true);
      }),
    );
  });

  it('let nobody who comes later overtake a class that waits', () => {
    const { clock, limits, candidate } = world(provider('p', { limits: { tokensPerMinute: 100 } }));
    const c = candidate();
    const ask = (priority: number, tokens: number) =>
      limits.reserve(c, facts({ inputTokens: tokens, maxOutputTokens: 0 }), priority, clock.now);
    permitOf(ask(NORMAL, 60));
    limits.claiming(
      NORMAL,
      () => ask(NORMAL, 80),
      (taken) => taken !== 'Refused',
    );
    expect(ask(NORMAL, 10)).toBe('Refused');
    expect(ask(NORMAL + 1, 10)).toBe('Refused');
    permitOf(ask(NORMAL - 1, 10));
    limits.unclaim();
    permitOf(ask(NORMAL, 10));
  });
});
