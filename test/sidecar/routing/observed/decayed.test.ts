import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decayed } from '../../../../sidecar/routing/observed/decayed.ts';
import { lognormal, seeded } from '../../../simulator/chance.ts';

/** So many observations at a distance, the last of them at the time given back. */
function observe(decayed: Decayed, values: readonly number[], from: number, gap = 100): number {
  let now = from;
  for (const value of values) decayed.observe(value, (now += gap));
  return now;
}

describe('a mean that forgets', () => {
  it('knows nothing at first, and one observation by itself', () => {
    const decayed = new Decayed();
    expect(decayed.known).toBe(false);
    expect(decayed.weight(1000)).toBe(0);
    decayed.observe(250, 1000);
    expect(decayed.mean).toBe(250);
    expect(decayed.weight(1000)).toBe(1);
  });

  it('counts an observation half as much ten seconds later', () => {
    const decayed = new Decayed();
    decayed.observe(100, 0);
    expect(decayed.weight(10_000)).toBeCloseTo(0.5);
    expect(decayed.weight(20_000)).toBeCloseTo(0.25);
    decayed.observe(130, 10_000);
    expect(decayed.mean).toBeCloseTo((0.5 * 100 + 130) / 1.5);
    // Without observations the mean stays where it is.
    expect(decayed.mean).toBeCloseTo(120);
  });

  it('believes a change after three observations that are far off, either way', () => {
    const decayed = new Decayed();
    let now = observe(
      decayed,
      Array.from({ length: 100 }, () => 200),
      0,
    );
    now = observe(decayed, [1000, 1000], now);
    expect(decayed.mean).toBeLessThan(250);
    now = observe(decayed, [1000], now);
    expect(decayed.mean).toBe(1000);
    now = observe(decayed, [200, 200], now, 2500);
    expect(decayed.falling).toBe(200);
    observe(decayed, [200], now, 2500);
    expect(decayed.mean).toBe(200);
    expect(decayed.falling).toBeUndefined();
  });

  it('tells by how much it jumped', () => {
    const decayed = new Decayed();
    const now = observe(
      decayed,
      Array.from({ length: 50 }, () => 100),
      0,
    );
    expect([1, 2, 3].map((i) => decayed.observe(400, now + i))).toEqual([1, 1, expect.closeTo(4)]);
  });

  it('takes no single observation for a change, however late it is', () => {
    const decayed = new Decayed();
    const now = observe(
      decayed,
      Array.from({ length: 100 }, () => 200),
      0,
    );
    observe(decayed, [60_000, 200, 200], now);
    expect(decayed.falling).toBeUndefined();
    expect(decayed.mean).toBeGreaterThan(200);
  });

  it.each([1, 2, 3, 4, 5])('stays near the mean of what varies as latencies do (seed %i)', (seed) => {
    const random = seeded(seed);
    const decayed = new Decayed();
    let jumps = 0;
    let now = 0;
    for (let i = 0; i < 5000; i++) {
      if (decayed.observe(lognormal(random, 300, 0.5), (now += 50)) !== 1) jumps++;
    }
    expect(jumps).toBeLessThanOrEqual(5);
    expect(decayed.mean).toBeGreaterThan(300);
    expect(decayed.mean).toBeLessThan(390);
  });

  it('stays within what it was told, whatever that is', () => {
    const step = fc.record({ value: fc.integer({ min: 1, max: 1e9 }), gap: fc.nat(1e6) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 50 }), (steps) => {
        const decayed = new Decayed();
        let now = 0;
        for (const { value, gap } of steps) decayed.observe(value, (now += gap));
        const values = steps.map(({ value }) => value);
        expect(decayed.mean).toBeGreaterThanOrEqual(Math.min(...values) * (1 - 1e-9));
        expect(decayed.mean).toBeLessThanOrEqual(Math.max(...values) * (1 + 1e-9));
        expect(decayed.weight(now)).toBeGreaterThan(0);
      }),
    );
  });
});
