import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingWindow } from '../../../sidecar/limits/sliding-window.ts';

const MINUTE = 60_000;
const step = fc.record({
  wait: fc.oneof(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: 90_000 })),
  amount: fc.integer({ min: 1, max: 30 }),
});

/** The most that was spent in any sixty seconds. */
function most(spent: readonly { at: number; amount: number }[]): number {
  let highest = 0;
  for (const { at: start } of spent) {
    let sum = 0;
    for (const { at, amount } of spent) if (at >= start && at < start + MINUTE) sum += amount;
    highest = Math.max(highest, sum);
  }
  return highest;
}

describe('a limit of a minute', () => {
  it('is never exceeded in any sixty seconds, whenever they begin', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.array(step, { maxLength: 120 }), (limit, steps) => {
        const window = new SlidingWindow(limit);
        const spent: { at: number; amount: number }[] = [];
        let now = 12_345;
        for (const { wait, amount } of steps) {
          now += wait;
          if (!window.fits(amount, now)) continue;
          const taken = Math.min(amount, limit);
          window.take(taken, now);
          spent.push({ at: now, amount: taken });
        }
        expect(most(spent)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('is free again when it says so, and not before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 80 }),
        (limit, steps, wanted) => {
          const window = new SlidingWindow(limit);
          let now = 0;
          for (const { wait, amount } of steps) {
            now += wait;
            if (window.fits(amount, now)) window.take(Math.min(amount, limit), now);
          }
          const at = window.freeAt(wanted, now);
          expect(at > now && window.fits(wanted, at - 1)).toBe(false);
          expect(window.fits(wanted, Math.max(at, now))).toBe(true);
        },
      ),
    );
  });

  it.each([3, 60, 600])('leaves next to nothing of %i a minute unused when more is asked for', (limit) => {
    const window = new SlidingWindow(limit);
    let taken = 0;
    const minutes = 20;
    for (let now = 0; now < minutes * MINUTE; now += 50) {
      while (window.fits(1, now)) {
        window.take(1, now);
        taken++;
      }
    }
    expect(taken).toBeGreaterThan(limit * minutes * 0.95);
    expect(taken).toBeLessThanOrEqual(limit * minutes);
  });

  it('takes back what did not count, and counts what turned out to be more', () => {
    const window = new SlidingWindow(10);
    const slot = window.take(10, 1000);
    expect(window.fits(1, 2000)).toBe(false);
    window.change(slot, -4, 2000);
    expect(window.fits(4, 2000)).toBe(true);
    expect(window.fits(5, 2000)).toBe(false);
    window.change(slot, 3, 3000);
    expect(window.used(3000)).toBe(9);
    window.change(slot, -5, 3000 + 2 * MINUTE);
    expect(window.used(3000 + 2 * MINUTE)).toBe(0);
  });

  it('lets an amount above the whole limit have all of it, alone', () => {
    const window = new SlidingWindow(10);
    expect(window.fits(500, 0)).toBe(true);
    window.take(1, 0);
    expect(window.fits(500, 1)).toBe(false);
  });
});
