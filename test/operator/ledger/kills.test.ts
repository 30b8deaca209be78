import { expect, it } from 'vitest';
import { killOperators } from '../../../bench/ledger/kills.ts';

/** The bench does it a thousand times. */
it('an operator that is killed at any moment loses no row and counts none twice', async () => {
  const figures = await killOperators(2);
  expect(figures.filter(({ met }) => met === false)).toEqual([]);
  expect(figures.filter(({ met }) => met)).toHaveLength(3);
}, 240_000);
