/** When large pieces have young objects collected. */
import { afterEach, expect, it, vi } from 'vitest';
import { pieceArrived } from '../../../sidecar/limits/large-pieces.ts';

afterEach(() => void vi.unstubAllGlobals());

it('large pieces have young objects collected every 8 MiB, small ones never', () => {
  const gc = vi.fn<(options: object) => void>();
  vi.stubGlobal('gc', gc);
  // Answers of other tests may have come before.
  while (gc.mock.calls.length === 0) pieceArrived(64 * 1024);
  gc.mockClear();
  for (let i = 0; i < 10_000; i++) pieceArrived(16 * 1024 - 1);
  expect(gc).not.toHaveBeenCalled();
  for (let i = 0; i < 3 * 128; i++) pieceArrived(64 * 1024);
  expect(gc).toHaveBeenCalledTimes(3);
  expect(gc).toHaveBeenLastCalledWith({ type: 'minor', execution: 'sync' });
});

it('nothing happens where nobody can', () => {
  vi.stubGlobal('gc', undefined);
  expect(() => pieceArrived(100 * 1024 * 1024)).not.toThrow();
});
