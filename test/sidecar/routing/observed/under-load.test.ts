/** What one more request under way costs, learned from pairs of requests under way and milliseconds. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnderLoad } from '../../../../sidecar/routing/observed/under-load.ts';
import { lognormal, seeded } from '../../../simulator/chance.ts';

interface Play {
  seed: number;
  count: number;
  /** Median milliseconds beside so many. */
  median: (beside: number) => number;
  spread?: number;
  most?: number;
}

function learn({ seed, count, median, spread = 0.1, most = 12 }: Play): UnderLoad {
  const random = seeded(seed);
  const learned = new UnderLoad();
  for (let i = 0; i < count; i++) {
    const beside = Math.floor(random() * most);
    learned.observe(beside, lognormal(random, median(beside), spread), i * 50);
  }
  return learned;
}

describe('what load costs', () => {
  it('is found where answers slow down in proportion, and not said to be more than it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.integer({ min: 20, max: 100 }), (seed, each) => {
        const { msEach } = learn({ seed, count: 400, median: (beside) => 200 + each * beside });
        expect(msEach).toBeGreaterThan(0.75 * each);
        expect(msEach).toBeLessThan(1.1 * each);
      }),
      { numRuns: 100 },
    );
  });

  it('is next to nothing where answers take what they take', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (seed) => {
        // Twelve more under way would move an expectation by less than what counts as about as good.
        const { msEach } = learn({ seed, count: 400, median: () => 300, spread: 0.3 });
        expect(12 * msEach).toBeLessThan(0.25 * 300);
      }),
      { numRuns: 100 },
    );
  });

  it('is not said after a few answers, nor where as many were always under way', () => {
    expect(learn({ seed: 1, count: 7, median: (beside) => 200 + 60 * beside }).msEach).toBe(0);
    expect(learn({ seed: 1, count: 400, most: 1, median: () => 300 }).msEach).toBe(0);
  });

  it('is never below nothing', () => {
    expect(learn({ seed: 1, count: 400, median: (beside) => 900 - 60 * beside }).msEach).toBe(0);
  });

  it('is forgotten when it is so no longer', () => {
    const random = seeded(3);
    const learned = learn({ seed: 2, count: 400, median: (beside) => 200 + 60 * beside });
    expect(learned.msEach).toBeGreaterThan(40);
    for (let i = 0; i < 400; i++) {
      const beside = Math.floor(random() * 12);
      learned.observe(beside, lognormal(random, 300, 0.1), 120_000 + i * 50);
    }
    expect(learned.msEach).toBeLessThan(3);
  });
});
