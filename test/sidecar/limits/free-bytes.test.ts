import { describe, expect, it } from 'vitest';
import { freeBytes } from '../../../sidecar/limits/free-bytes.ts';

describe('freeBytes', () => {
  it('gives a large Buffer back, views and all', () => {
    const body = Buffer.allocUnsafeSlow(100_000);
    const view = body.subarray(10, 20);
    freeBytes(body);
    expect([body.length, view.length]).toEqual([0, 0]);
  });

  it('leaves what is small or shared alone', () => {
    const small = Buffer.allocUnsafeSlow(100);
    const whole = Buffer.allocUnsafeSlow(200_000);
    const part = whole.subarray(0, 100_000);
    for (const bytes of [small, part, Buffer.alloc(0)]) {
      const { length } = bytes;
      freeBytes(bytes);
      expect(bytes.length).toBe(length);
    }
    expect(whole.length).toBe(200_000);
  });
});
