import { expect, it } from 'vitest';
import { duration } from '../../../../sidecar/limits/rates/headers.ts';

it.each([
  [0, '0ms'],
  [120, '120ms'],
  [1500, '1.5s'],
  [59_999, '60s'],
  [60_000, '1m0s'],
  [360_000, '6m0s'],
  [3_723_000, '1h2m3s'],
  [86_400_000, '24h0m0s'],
])('times are told as OpenAI tells them: %d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
