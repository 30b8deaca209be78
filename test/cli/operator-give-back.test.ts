import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { giveBackAtRest } from '../../cli/operator/give-back.ts';
import { ManualClock } from '../operator/support/manual-clock.ts';

const MIB = 1024 * 1024;

describe('giving back what an operator does not need at rest', () => {
  const clock = new ManualClock();
  const gc = vi.fn();
  let [resident, utilization] = [0, 0];
  let giving: { stop(): void } | undefined;
  beforeEach(() => {
    vi.stubGlobal('gc', gc);
    [resident, utilization] = [200 * MIB, 0];
  });
  afterEach(() => {
    giving?.stop();
    gc.mockReset();
    vi.unstubAllGlobals();
  });
  const start = () => {
    giving = giveBackAtRest(clock, { resident: () => resident, utilization: () => utilization });
  };

  it('collects when it is started, however busy that is', () => {
    utilization = 1;
    start();
    clock.advance(999);
    expect(gc).not.toHaveBeenCalled();
    clock.advance(1);
    expect(gc.mock.calls).toEqual([[{ type: 'major', execution: 'sync', flavor: 'last-resort' }]]);
  });

  it('collects again once memory has grown since, and measures growth from what was left', () => {
    gc.mockImplementation(() => (resident = 100 * MIB));
    start();
    clock.advance(1_000);
    resident = 103 * MIB;
    clock.advance(60_000);
    expect(gc).toHaveBeenCalledTimes(1);
    resident = 104 * MIB;
    clock.advance(15_000);
    expect(gc).toHaveBeenCalledTimes(2);
    clock.advance(60_000);
    expect(gc).toHaveBeenCalledTimes(2);
  });

  it('collects no more often than every six seconds, however fast memory grows', () => {
    start();
    clock.advance(1_000);
    for (let n = 0; n < 12; n++) {
      resident += 50 * MIB;
      clock.advance(3_000);
    }
    expect(gc).toHaveBeenCalledTimes(7);
  });

  it('wants more growth of an operator that is large: collecting it takes longer', () => {
    resident = 320 * MIB;
    start();
    clock.advance(1_000);
    resident += 9 * MIB;
    clock.advance(60_000);
    expect(gc).toHaveBeenCalledTimes(1);
    resident += MIB;
    clock.advance(6_000);
    expect(gc).toHaveBeenCalledTimes(2);
  });

  it('waits for three seconds with little to do', () => {
    start();
    clock.advance(1_000);
    resident += 50 * MIB;
    utilization = 0.5;
    clock.advance(60_000);
    expect(gc).toHaveBeenCalledTimes(1);
    utilization = 0.1;
    clock.advance(3_000);
    expect(gc).toHaveBeenCalledTimes(2);
  });

  it('ends when it is told to, and never begins where Node has no such thing to offer', () => {
    start();
    giving?.stop();
    clock.advance(60_000);
    vi.stubGlobal('gc', undefined);
    start();
    clock.advance(60_000);
    expect(gc).not.toHaveBeenCalled();
  });
});
