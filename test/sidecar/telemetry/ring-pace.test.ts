import { expect, test } from 'vitest';
import { RingPace } from '../../../sidecar/telemetry/ring-pace.ts';

test('takes twenty a second, and anew in the next', () => {
  const pace = new RingPace();
  const taken = (from: number, count: number): number =>
    Array.from({ length: count }, (_, i) => pace.admits(from + (i * 900) / count)).filter(Boolean).length;
  expect(taken(5000, 1000)).toBe(20);
  expect(taken(6000, 15)).toBe(15);
  expect(taken(6950, 1)).toBe(1);
  expect(taken(9000, 21)).toBe(20);
});
