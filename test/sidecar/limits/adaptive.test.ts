import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdaptiveLimit } from '../../../sidecar/limits/adaptive.ts';

const BOUNDS = { min: 2, initial: 20, max: 400 };

/** A provider that answers in `base` while it has no more than `slots` calls, and shares itself out among more. */
function load(limit: AdaptiveLimit, rounds: number, slots: number, base = 200): void {
  for (let i = 0; i < rounds; i++) {
    const inFlight = limit.limit;
    limit.began('Streamed', base * Math.max(1, inFlight / slots), inFlight);
  }
}

describe('a limit of calls at once that learns', () => {
  it('grows while answers begin as soon as they used to', () => {
    const limit = new AdaptiveLimit(BOUNDS);
    load(limit, 2000, 1000);
    expect(limit.limit).toBeGreaterThan(200);
  });

  it('stays near what the provider can do at once', () => {
    const limit = new AdaptiveLimit(BOUNDS);
    load(limit, 5000, 40);
    expect(limit.limit).toBeGreaterThanOrEqual(30);
    expect(limit.limit).toBeLessThan(120);
  });

  it('shrinks when the provider can do less, and grows again with it', () => {
    const limit = new AdaptiveLimit(BOUNDS);
    load(limit, 3000, 60);
    const before = limit.limit;
    load(limit, 60, 6);
    const low = limit.limit;
    expect(low).toBeLessThan(before / 2);
    load(limit, 5000, 60);
    expect(limit.limit).toBeGreaterThan(low * 1.5);
  });

  it('gives a tenth away for being told of overload, once for calls that fail together', () => {
    const limit = new AdaptiveLimit({ min: 1, initial: 100, max: 100 });
    for (let i = 0; i < 50; i++) limit.overloaded(5000 + i);
    expect(limit.limit).toBe(90);
    limit.overloaded(6100);
    expect(limit.limit).toBe(81);
  });

  it('does not grow while it is not reached', () => {
    const limit = new AdaptiveLimit(BOUNDS);
    for (let i = 0; i < 1000; i++) limit.began('Whole', 100, 3);
    expect(limit.limit).toBe(20);
  });

  it('compares whole answers with whole ones', () => {
    const limit = new AdaptiveLimit(BOUNDS);
    for (let i = 0; i < 1000; i++) {
      limit.began('Streamed', 100, 20);
      limit.began('Whole', 9000, 20);
    }
    expect(limit.limit).toBeGreaterThan(19);
  });

  it('keeps to its bounds, whatever it hears', () => {
    const heard = fc.oneof(
      fc.record({
        ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
        inFlight: fc.integer({ min: 1, max: 1000 }),
      }),
      fc.record({ at: fc.integer({ min: 0, max: 1e6 }) }),
    );
    fc.assert(
      fc.property(fc.array(heard, { maxLength: 300 }), (all) => {
        const limit = new AdaptiveLimit(BOUNDS);
        for (const one of all) {
          if ('at' in one) limit.overloaded(one.at);
          else limit.began('Whole', one.ms, one.inFlight);
          expect(limit.limit).toBeGreaterThanOrEqual(BOUNDS.min);
          expect(limit.limit).toBeLessThanOrEqual(BOUNDS.max);
        }
      }),
    );
  });
});
