import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../sidecar/dispatch/backoff.ts';
import { shareOfTime, timeBeforeCommit } from '../../../sidecar/dispatch/commit-budget.ts';

describe('time before commit', () => {
  it('is at most the request timeout, the timeout of the SDK, and four minutes', () => {
    expect(timeBeforeCommit(900_000, undefined)).toBe(240_000);
    expect(timeBeforeCommit(30_000, undefined)).toBe(30_000);
    expect(timeBeforeCommit(900_000, '600')).toBe(240_000);
    expect(timeBeforeCommit(900_000, '10')).toBe(9500);
    expect(timeBeforeCommit(900_000, '60.0')).toBe(59_000);
    expect(timeBeforeCommit(2000, '10')).toBe(2000);
  });

  it.each(['NOT_GIVEN', '', '-1', '0', 'Infinity', '1e3'])('ignores an SDK timeout of %j', (header) => {
    expect(timeBeforeCommit(100_000, header)).toBe(100_000);
  });

  it('leaves the last candidate a share', () => {
    expect(shareOfTime(6000, 1)).toBe(6000);
    expect(shareOfTime(6000, 2)).toBe(4000);
    expect(shareOfTime(6000, 3)).toBe(3000);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (attempts, total) => {
          let left = total;
          let last = Number.POSITIVE_INFINITY;
          for (let possible = attempts; possible > 0; possible--) {
            const share = shareOfTime(left, possible);
            expect(share).toBeGreaterThan(0);
            expect(share).toBeLessThanOrEqual(last + 1e-6);
            last = share;
            left -= share;
          }
          expect(left).toBeCloseTo(0, 3);
        },
      ),
    );
  });
});

describe('backoff', () => {
  it('has full jitter under a doubling ceiling', () => {
    const backoff = { baseMs: 100, maxMs: 500 };
    expect([1, 2, 3, 4, 60].map((n) => backoffMs(backoff, n, 0.9999))).toEqual([99, 199, 399, 499, 499]);
    expect(backoffMs(backoff, 3, 0)).toBe(0);
  });
});
