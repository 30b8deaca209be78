import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../../sidecar/limits/memory-budget.ts';

describe('MemoryBudget', () => {
  it('gives until it is full, and takes back', () => {
    const budget = new MemoryBudget(100);
    const a = budget.open();
    const b = budget.open();
    expect(a.grow(60)).toBe(true);
    expect(b.grow(41)).toBe(false);
    expect(b.size).toBe(0);
    expect(b.grow(40)).toBe(true);
    expect(budget.used).toBe(100);
    a.release();
    expect(budget.used).toBe(40);
    expect(b.resize(10)).toBe(true);
    expect(b.resize(101)).toBe(false);
    expect(budget.used).toBe(10);
  });

  it('cannot leak through late bytes or double releases', () => {
    const budget = new MemoryBudget(100);
    const hold = budget.open();
    hold.grow(50);
    hold.release();
    hold.release();
    expect(hold.grow(1)).toBe(false);
    expect(hold.resize(0)).toBe(true);
    expect(budget.used).toBe(0);
  });

  it('is the sum of what is held, whatever happens', () => {
    const step = fc.record({
      who: fc.nat({ max: 3 }),
      what: fc.constantFrom('grow', 'resize', 'release'),
      bytes: fc.nat({ max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const budget = new MemoryBudget(100);
        const holds = [budget.open(), budget.open(), budget.open(), budget.open()];
        for (const { who, what, bytes } of steps) {
          const hold = holds[who];
          if (what === 'grow') hold?.grow(bytes);
          else if (what === 'resize') hold?.resize(bytes);
          else hold?.release();
          expect(budget.used).toBe(holds.reduce((sum, one) => sum + one.size, 0));
          expect(budget.used).toBeLessThanOrEqual(100);
        }
        for (const hold of holds) hold.release();
        expect(budget.used).toBe(0);
      }),
    );
  });
});
