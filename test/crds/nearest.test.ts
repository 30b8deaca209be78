import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editDistance, nearest } from '../../crds/validate/nearest.ts';

describe('the edit distance', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['wieght', 'weight', 1],
    ['ab', 'ba', 1],
    ['abc', 'cab', 2],
  ])('of %j and %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test('is symmetric, zero only for equals, and at most the longer length', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('what was meant', () => {
  test.each([
    ['modles', 'models'],
    ['Models', 'models'],
    ['weights', 'weight'],
    ['xyz', undefined],
    ['', undefined],
    ['w'.repeat(1000), undefined],
  ])('by %j is %j', (word, meant) => {
    expect(nearest(word, ['models', 'weight', 'rules'])).toBe(meant);
  });
});
