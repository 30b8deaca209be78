import { describe, expect, it } from 'vitest';
import { type BreakerEvent, Breakers } from '../../../sidecar/dispatch/breakers.ts';
import { CallRates, isSlow } from '../../../sidecar/dispatch/call-rates.ts';
import type { Attempt } from '../../../sidecar/exchange.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { provider, target } from '../routing/support.ts';

const PASSIVE: ProviderBody['passive'] = {
  consecutiveErrors: 5,
  ejectionMs: 5000,
  maxEjectionMs: 120_000,
  slowCall: { thresholdMs: 1000, percent: 50, minCalls: 10 },
  errorRate: { percent: 30, minCalls: 10 },
};

function world(passive: ProviderBody['passive'] = PASSIVE) {
  const events: BreakerEvent[] = [];
  const breakers = new Breakers({
    credentials: { get: () => 'k', has: () => true, previous: () => undefined },
    onEvent: (event) => events.push(event),
  });
  const rates = new CallRates((candidate, why, now) => breakers.trip(candidate, why, now));
  const body = provider('p', { passive });
  const candidate = (model = 'm'): Candidate => ({
    index: 0,
    target: target('p'),
    providerId: 'provider/ns/p',
    provider: body,
    credential: undefined,
    upstreamModel: model,
    model: undefined,
  });
  const call = (now: number, more: Partial<Attempt> = {}, model = 'm') => {
    const attempt = {
      candidate: candidate(model),
      startedAt: now - 100,
      committedAt: now,
      endedAt: now,
      cancelled: false,
      failure: undefined,
      ...more,
    } as Attempt;
    rates.ended(attempt);
    return attempt;
  };
  const slow = (now: number) => call(now, { startedAt: now - 3000 });
  const failed = (now: number) =>
    call(now, { committedAt: undefined, failure: 'ServerError', scope: 'Model' });
  return { breakers, events, candidate, call, slow, failed };
}

describe('rates of calls', () => {
  it('eject a model when half of its calls are slow, and say so', () => {
    const { breakers, candidate, call, slow } = world();
    for (let i = 0; i < 5; i++) call(1000 + i);
    for (let i = 0; i < 4; i++) slow(2000 + i);
    expect(breakers.ejection(candidate(), 3000)).toBeUndefined();
    slow(3000);
    expect(breakers.ejection(candidate(), 3001)).toMatchObject({
      scope: 'Model',
      until: 8000,
      why: '5 of 10 calls of the last minute took longer than 1000 ms',
    });
    expect(breakers.ejection(candidate('other'), 3001)).toBeUndefined();
  });

  it('eject a model when too many calls failed, though never in a row', () => {
    const { breakers, candidate, call, failed } = world();
    for (let i = 0; i < 7; i++) call(1000 + i);
    for (let i = 0; i < 3; i++) {
      call(2000 + i * 10);
      failed(2005 + i * 10);
    }
    expect(breakers.ejection(candidate(), 2100)).toBeUndefined();
    for (let i = 0; i < 3; i++) failed(2100 + i);
    expect(breakers.ejection(candidate(), 2200)?.why).toMatch(/^\d+ of \d+ calls of the last minute failed$/);
  });

  it('forget what is older than a minute', () => {
    const { breakers, candidate, slow } = world();
    for (let i = 0; i < 9; i++) slow(1000 + i);
    slow(70_000);
    expect(breakers.ejection(candidate(), 70_001)).toBeUndefined();
  });

  it('count neither faults of keys and callers nor calls that were left early', () => {
    const { breakers, candidate, call } = world();
    const none = { committedAt: undefined } as Partial<Attempt>;
    for (let i = 0; i < 30; i++) {
      call(1000 + i, { ...none, failure: 'Unauthorized', scope: 'Credential' });
      call(1000 + i, { ...none, failure: 'Caller', scope: 'None' });
      call(1000 + i, { ...none, cancelled: true });
    }
    expect(breakers.ejection(candidate(), 2000)).toBeUndefined();
    // One that was left after a long time had been slow.
    for (let i = 0; i < 10; i++) call(5000 + i, { ...none, startedAt: 0, cancelled: true });
    expect(breakers.ejection(candidate(), 6000)?.scope).toBe('Model');
  });

  it('are not kept for providers whose configuration does not ask', () => {
    const { slowCall: _, errorRate: __, ...plain } = PASSIVE;
    const { breakers, candidate, slow } = world(plain);
    for (let i = 0; i < 100; i++) expect(isSlow(slow(1000 + i))).toBe(false);
    expect(breakers.ejection(candidate(), 2000)).toBeUndefined();
  });

  it('leave a model ejected when the probe succeeds, but late', () => {
    const { breakers, candidate, slow, events } = world();
    for (let i = 0; i < 10; i++) slow(1000 + i);
    const c = candidate();
    const probe = (now: number, took: number) => {
      const admission = breakers.admit(c, now - took, true, undefined);
      expect(admission.kind).toBe('Probe');
      const evidence = { candidate: c, caller: undefined, secret: undefined, admission, answered: true };
      breakers.success({ ...evidence, startedAt: now - took, slow: took > 1000 }, now);
    };
    probe(10_000, 2000);
    expect(breakers.ejection(c, 10_001)?.until).toBe(20_000);
    probe(21_000, 200);
    expect(breakers.ejection(c, 21_001)).toBeUndefined();
    expect(events.map(({ kind }) => kind)).toEqual(['Ejected', 'Probing', 'Ejected', 'Probing', 'Recovered']);
  });
});
