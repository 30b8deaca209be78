import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amount, SPOOL } from '../../../operator/inject/value-kinds.ts';

describe('the size of a spool', () => {
  const [least, most] = [amount('2Mi'), amount('1024Gi')];
  const nearBounds = [
    1, 2, 2_047, 2_048, 2_049, 1_023, 1_024, 1_025, 1_048_575, 1_048_576, 1_048_577, 9_999_999,
  ];

  it('is an amount of whole binary units within its bounds', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 1, max: 9_999_999 }),
          fc.integer({ min: 1, max: 5_000 }),
          fc.constantFrom(...nearBounds),
        ),
        fc.constantFrom('Ki', 'Mi', 'Gi'),
        (number, unit) => {
          const text = `${number}${unit}`;
          expect([text, SPOOL.holds(text)]).toEqual([text, amount(text) >= least && amount(text) <= most]);
        },
      ),
      {
        numRuns: 5_000,
        examples: nearBounds.flatMap((n) => ['Ki', 'Mi', 'Gi'].map((unit) => [n, unit] as [number, string])),
      },
    );
  });

  it('is "0" for none, and nothing else', () => {
    expect(SPOOL.holds('0')).toBe(true);
    for (const text of [
      '',
      '00',
      '0Mi',
      '02Mi',
      '64',
      '64M',
      '64mi',
      '1.5Gi',
      '10000000Ki',
      ' 64Mi',
      '64Mi\n',
    ])
      expect([text, SPOOL.holds(text)]).toEqual([text, false]);
  });
});
