import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRates } from '../../../../operator/ledger/rates/read-rates.ts';
import { waterLevel } from '../../../../operator/ledger/rates/water-level.ts';
import { readAnswer } from '../../../../sidecar/snapshot/read-messages.ts';

const demand = { limit: 'route/a/b/c/d', key: 'x', of: 'Rate', held: 1, used: 2, want: 3, need: 0 };
const report = { sequence: 1, limits: ['provider/a/b'], demands: [demand] };

describe('what is said of rates', () => {
  it('is read as it was meant', () => {
    expect(readRates(JSON.parse(JSON.stringify({ ...report, more: 1 })))).toEqual(report);
  });

  it.each([
    undefined,
    null,
    'no',
    { ...report, sequence: -1 },
    { ...report, limits: [7] },
    { ...report, limits: Array.from({ length: 201 }, () => 'l') },
    { ...report, demands: [{ ...demand, held: 0.5 }] },
    { ...report, demands: [{ ...demand, of: 'Other' }] },
    { ...report, demands: [{ ...demand, key: 'k'.repeat(1025) }] },
    { ...report, demands: Array.from({ length: 201 }, () => demand) },
  ])('is left out where it is not as agreed: %j', (value) => {
    expect(readRates(value)).toBeUndefined();
  });

  it('is believed of an operator in the same way', () => {
    const rates = { term: 3, pods: [2], grants: [5, -1], againInMs: 1000 };
    const base = { nextReportIn: 30_000, ledgerShard: 0, acknowledgedSeq: 0 };
    expect(readAnswer({ ...base, rates }).rates).toEqual(rates);
    expect(readAnswer({ ...base, rates: { ...rates, againInMs: 1 } }).rates?.againInMs).toBe(200);
    for (const wrong of [{ ...rates, term: 'x' }, { ...rates, grants: [0.5] }, { ...rates, pods: 7 }, 'no']) {
      expect(readAnswer({ ...base, rates: wrong }).rates).toBeUndefined();
    }
  });
});

describe('the level that is the same for all', () => {
  it('gives everybody what is wanted up to it, and uses up what there is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 0, max: 20_000 }),
        (wants, amount) => {
          const level = waterLevel(wants, amount);
          const given = wants.reduce((sum, want) => sum + Math.min(want, level), 0);
          const wanted = wants.reduce((sum, want) => sum + want, 0);
          expect(given).toBeCloseTo(Math.min(wanted, amount), 6);
          expect(Number.isFinite(level) || wanted <= amount).toBe(true);
        },
      ),
    );
  });
});
