import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowAt } from '../../../sidecar/snapshot/budget-window.ts';
import type { BudgetPeriod } from '../../../sidecar/snapshot/shapes/budgets.ts';

const shown = (period: BudgetPeriod, at: string) => {
  const { start, end } = windowAt(period, Date.parse(at));
  return [new Date(start).toISOString(), new Date(end).toISOString()];
};

describe('a calendar window', () => {
  it.each([
    ['Hour', 'UTC', '2026-11-20T15:59:59Z', '2026-11-20T15:00:00.000Z', '2026-11-20T16:00:00.000Z'],
    ['Hour', 'Asia/Kolkata', '2026-11-20T15:10:00Z', '2026-11-20T14:30:00.000Z', '2026-11-20T15:30:00.000Z'],
    ['Day', 'UTC', '2026-11-20T00:00:00Z', '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
    [
      'Day',
      'America/New_York',
      '2026-11-20T03:00:00Z',
      '2026-11-19T05:00:00.000Z',
      '2026-11-20T05:00:00.000Z',
    ],
    // 23 and 25 hours, where clocks are changed.
    ['Day', 'Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
    ['Day', 'Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
    // Midnight does not exist on this day there.
    [
      'Day',
      'America/Santiago',
      '2026-09-06T12:00:00Z',
      '2026-09-06T04:00:00.000Z',
      '2026-09-07T03:00:00.000Z',
    ],
    ['Week', 'UTC', '2026-11-20T12:00:00Z', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['Week', 'UTC', '2026-11-22T23:59:59Z', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['Month', 'UTC', '2026-12-31T23:59:59Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['Month', 'Asia/Tokyo', '2026-12-31T15:00:00Z', '2026-12-31T15:00:00.000Z', '2027-01-31T15:00:00.000Z'],
  ] as const)('%s in %s at %s', (unit, timeZone, at, start, end) => {
    expect(shown({ unit, timeZone }, at)).toEqual([start, end]);
  });
});

describe('any window', () => {
  const period = fc.record({
    unit: fc.constantFrom('Hour' as const, 'Day' as const, 'Week' as const, 'Month' as const),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/Santiago', 'Asia/Kathmandu', 'Pacific/Apia'),
    rolling: fc.option(fc.constant(true as const), { nil: undefined }),
  });
  const instant = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2034, 0) });

  it('holds the moment it is asked for, and meets the next one without a gap', () => {
    fc.assert(
      fc.property(period, instant, ({ rolling, ...rest }, at) => {
        const of = { ...rest, ...(rolling && { rolling }) };
        const { start, end, since } = windowAt(of, at);
        expect(start <= at && at < end && since <= start).toBe(true);
        expect(windowAt(of, start)).toEqual({ start, end, since });
        expect(windowAt(of, end - 1)).toEqual({ start, end, since });
        expect(windowAt(of, end).start).toBe(end);
      }),
      { numRuns: 2000 },
    );
  });
});
