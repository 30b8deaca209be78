import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPENAI } from '../../../sidecar/providers/openai.ts';
import { MAX_RETRY_AFTER_MS, parseReset, retryAfterMs } from '../../../sidecar/providers/retry-after.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const read = (headers: Record<string, string>, wall = NOW) =>
  retryAfterMs(Object.entries(headers).flat(), OPENAI.retryAfter, wall);

describe('retry-after', () => {
  it.each([
    ['seconds', { 'retry-after': '2' }, 2000],
    ['decimal seconds', { 'Retry-After': '0.25' }, 250],
    ['zero', { 'retry-after': '0' }, 0],
    ['a date', { 'retry-after': 'Sun, 01 Mar 2026 12:00:07 GMT' }, 7000],
    ['an old-style date', { 'retry-after': 'Sunday, 01-Mar-26 12:00:07 GMT' }, 7000],
    ['a past date', { 'retry-after': 'Sun, 01 Mar 2026 11:00:00 GMT' }, 0],
    ['milliseconds', { 'retry-after-ms': '1500' }, 1500],
    ['milliseconds before seconds', { 'retry-after': '9', 'retry-after-ms': '1500' }, 1500],
    ['broken milliseconds, good seconds', { 'retry-after': '9', 'retry-after-ms': 'soon' }, 9000],
    ['a duration', { 'x-ratelimit-reset-requests': '1s' }, 1000],
    ['a long duration', { 'x-ratelimit-reset-requests': '6m0s' }, 360_000],
    ['milliseconds as a duration', { 'x-ratelimit-reset-tokens': '120ms' }, 120],
    ['minutes and milliseconds', { 'x-ratelimit-reset-tokens': '1m30ms' }, 60_030],
    ['fractions', { 'x-ratelimit-reset-tokens': '1m2.5s' }, 62_500],
    ['seconds since 1970', { 'x-ratelimit-reset': String(NOW / 1000 + 30) }, 30_000],
    ['milliseconds since 1970', { 'x-ratelimit-reset': String(NOW + 30_000) }, 30_000],
    ['an RFC 3339 time', { 'x-ratelimit-reset-tokens': '2026-03-01T12:00:20Z' }, 20_000],
  ])('reads %s', (_, headers, ms) => {
    expect(read(headers as Record<string, string>)).toBe(ms);
  });

  it('reads points in time against the clock of the provider', () => {
    const headers = {
      date: 'Sun, 01 Mar 2026 12:00:00 GMT',
      'retry-after': 'Sun, 01 Mar 2026 12:00:10 GMT',
    };
    expect(read(headers, NOW - 3_000_000)).toBe(10_000);
    const epoch = { date: 'Sun, 01 Mar 2026 12:00:00 GMT', 'x-ratelimit-reset': String(NOW / 1000 + 5) };
    expect(read(epoch, NOW + 9_000_000)).toBe(5000);
  });

  it('takes the reset of the limit that is used up', () => {
    const both = { 'x-ratelimit-reset-requests': '1s', 'x-ratelimit-reset-tokens': '40s' };
    expect(
      read({ ...both, 'x-ratelimit-remaining-requests': '7', 'x-ratelimit-remaining-tokens': '0' }),
    ).toBe(40_000);
    expect(
      read({ ...both, 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-remaining-tokens': '9' }),
    ).toBe(1000);
    expect(
      read({ ...both, 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-remaining-tokens': '0' }),
    ).toBe(40_000);
    expect(read(both), 'no sign which: the earliest').toBe(1000);
  });

  it.each([
    '',
    ' ',
    'soon',
    '-5',
    '1e9',
    '12 parsecs',
    '5x',
    'NaN',
    'Infinity',
    '0x10',
    '1,5',
    'Mon, 99 Foo',
  ])('ignores %j', (value) => {
    expect(read({ 'retry-after': value })).toBeUndefined();
    expect(read({ 'x-ratelimit-reset-requests': value })).toBeUndefined();
  });

  it('knows nothing without headers', () => expect(read({})).toBeUndefined());

  it('never answers outside its bounds', () => {
    const text = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.date().map(String),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        const ms = read({ 'retry-after': a, 'x-ratelimit-reset-tokens': b }) ?? 0;
        expect(ms).toSatisfy(Number.isInteger);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
      }),
    );
  });

  it('reads every duration it could have written', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
        const text = `${h}h${m}m${s}s${ms}ms`;
        const expected = Math.min(((h * 60 + m) * 60 + s) * 1000 + ms, MAX_RETRY_AFTER_MS);
        expect(parseReset(text, NOW)).toBe(expected);
      }),
    );
  });
});
