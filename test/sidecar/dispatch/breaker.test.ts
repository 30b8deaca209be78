import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  abandonProbe,
  afterFailure,
  afterSuccess,
  type BreakerPolicy,
  type BreakerState,
  HEALTHY,
  startProbe,
} from '../../../sidecar/dispatch/breaker.ts';

const POLICY: BreakerPolicy = { consecutiveErrors: 3, ejectionMs: 1000, maxEjectionMs: 8000 };
const fail = (
  state: BreakerState,
  startedAt: number,
  now: number,
  more: { atOnce?: boolean; retryAfterMs?: number; probe?: boolean } = {},
) =>
  afterFailure(
    state,
    { startedAt, now, probe: false, atOnce: false, retryAfterMs: undefined, ...more },
    POLICY,
  );
const pass = (state: BreakerState, startedAt: number, now: number, probe = false) =>
  afterSuccess(state, { startedAt, now, probe }, POLICY);
const until = (state: BreakerState) => (state.is === 'Closed' ? undefined : state.until);

describe('breaker', () => {
  it('opens after failures in a row', () => {
    let state = fail(HEALTHY, 0, 10);
    state = fail(state, 11, 20);
    expect(state).toMatchObject({ is: 'Closed', failures: 2 });
    state = fail(state, 21, 30);
    expect(state).toMatchObject({ is: 'Open', until: 1030 });
  });

  it('counts attempts in flight when the first failure lands as one', () => {
    let state = fail(HEALTHY, 0, 10);
    for (let i = 0; i < 50; i++) state = fail(state, i % 10, 11 + i);
    expect(state).toMatchObject({ is: 'Closed', failures: 1 });
  });

  it('starts again after a success that began later, and only then', () => {
    const two = fail(fail(HEALTHY, 0, 10), 11, 20);
    expect(pass(two, 5, 25), 'began before the first failure').toBe(two);
    expect(pass(two, 15, 25)).toMatchObject({ is: 'Closed', failures: 0 });
  });

  it('opens at once on proof, and for as long as the provider says', () => {
    expect(until(fail(HEALTHY, 0, 10, { atOnce: true }))).toBe(1010);
    expect(until(fail(HEALTHY, 0, 10, { retryAfterMs: 60_000 }))).toBe(60_010);
    expect(until(fail(HEALTHY, 0, 10, { retryAfterMs: 10 })), 'the longer wins').toBe(1010);
  });

  it('keeps the longer deadline while open', () => {
    const open = fail(HEALTHY, 0, 10, { retryAfterMs: 5000 });
    expect(until(fail(open, 0, 20, { retryAfterMs: 100 }))).toBe(5010);
    expect(until(fail(open, 0, 20, { retryAfterMs: 9000 }))).toBe(9020);
    expect(until(fail(open, 0, 20)), 'in flight').toBe(5010);
  });

  it('lets one probe through, after its time', () => {
    const open = fail(HEALTHY, 0, 0, { atOnce: true });
    expect(startProbe(open, 999)).toBeUndefined();
    const probing = startProbe(open, 1000);
    expect(probing).toMatchObject({ is: 'HalfOpen' });
    expect(startProbe(probing as BreakerState, 5000)).toBeUndefined();
    expect(startProbe(abandonProbe(probing as BreakerState), 1001)).toMatchObject({ is: 'HalfOpen' });
  });

  it('doubles with each further ejection, up to the longest', () => {
    let state = fail(HEALTHY, 0, 0, { atOnce: true });
    const lengths: number[] = [];
    for (let i = 0; i < 6; i++) {
      const now = until(state) as number;
      state = fail(startProbe(state, now) as BreakerState, now, now, { probe: true });
      lengths.push((until(state) as number) - now);
    }
    expect(lengths).toEqual([2000, 4000, 8000, 8000, 8000, 8000]);
  });

  it('remembers past ejections until it stayed closed for the longest one', () => {
    const open = fail(HEALTHY, 0, 0, { atOnce: true });
    const closed = pass(startProbe(open, 1000) as BreakerState, 1000, 1100, true);
    expect(closed).toMatchObject({ is: 'Closed', ejections: 1 });
    expect(until(fail(closed, 1200, 1300, { atOnce: true }))).toBe(3300);
    expect(until(fail(closed, 9200, 9300, { atOnce: true }))).toBe(10_300);
    expect(pass(closed, 9200, 9300)).toBe(HEALTHY);
  });

  it('is closed by a last-resort attempt that saw the provider after it was ejected', () => {
    const open = fail(HEALTHY, 0, 100, { atOnce: true });
    expect(pass(open, 50, 200), 'began before').toBe(open);
    expect(pass(open, 150, 200)).toMatchObject({ is: 'Closed' });
  });

  it('ignores failures older than the proof that it works', () => {
    const open = fail(HEALTHY, 0, 0, { atOnce: true });
    const closed = pass(startProbe(open, 1000) as BreakerState, 1000, 1100, true);
    expect(fail(closed, 500, 2000, { atOnce: true })).toBe(closed);
  });

  it('holds its promises under any history', () => {
    const event = fc.record({
      kind: fc.constantFrom('fail', 'proof', 'retry', 'pass', 'probe', 'probeFail', 'probePass', 'abandon'),
      age: fc.nat(3000),
      step: fc.nat(2000),
      retryAfterMs: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let state: BreakerState = HEALTHY;
        let now = 0;
        for (const { kind, age, step, retryAfterMs } of events) {
          now += step;
          const next = apply(state, kind, Math.max(0, now - age), now, retryAfterMs);
          expect(violations(state, next, kind, now)).toEqual([]);
          state = next;
        }
      }),
    );
  });
});

function apply(
  state: BreakerState,
  kind: string,
  startedAt: number,
  now: number,
  retryAfterMs: number,
): BreakerState {
  const probing = state.is === 'HalfOpen';
  switch (kind) {
    case 'fail':
      return fail(state, startedAt, now);
    case 'proof':
      return fail(state, startedAt, now, { atOnce: true });
    case 'retry':
      return fail(state, startedAt, now, { retryAfterMs });
    case 'pass':
      return pass(state, startedAt, now);
    case 'probe':
      return startProbe(state, now) ?? state;
    case 'probeFail':
      return probing ? fail(state, startedAt, now, { probe: true }) : state;
    case 'probePass':
      return probing ? pass(state, startedAt, now, true) : state;
    default:
      return abandonProbe(state);
  }
}

function violations(before: BreakerState, after: BreakerState, kind: string, now: number): string[] {
  const found: string[] = [];
  if (after.is === 'Closed' && after.failures >= POLICY.consecutiveErrors) found.push('closed for too long');
  if (before.is !== 'Closed' && after.is !== 'Closed' && after.until < before.until) {
    found.push('a deadline moved closer');
  }
  if (before.is === 'Closed' && after.is === 'Open' && after.until - now < POLICY.ejectionMs) {
    found.push('ejected for too short a time');
  }
  if (before.is === 'Closed' && after.is === 'HalfOpen') found.push('a probe without an ejection');
  if (before.is === 'HalfOpen' && kind === 'probe' && after !== before) found.push('two probes at a time');
  if (before.is === 'Open' && after.is === 'HalfOpen' && now < before.until) found.push('a probe too early');
  if (after.is === 'Open' && after.until - now > 20_000) found.push('ejected longer than anything allows');
  return found;
}
