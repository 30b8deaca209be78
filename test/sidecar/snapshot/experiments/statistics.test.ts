import { describe, expect, it } from 'vitest';
import {
  addTotals,
  latencyCount,
  noTotals,
  observe,
  observeLatency,
  readTotals,
} from '../../../../sidecar/snapshot/experiments/arm-totals.ts';
import {
  meanDifference,
  quantile,
  quantileInterval,
  shareDifference,
  shareInterval,
} from '../../../../sidecar/snapshot/experiments/statistics.ts';
import { lognormal, seeded } from '../../../simulator/chance.ts';

const Z = 1.96;

describe('intervals', () => {
  it('of a share are those of Wilson', () => {
    const { low, high } = shareInterval(10, 100, Z);
    expect(low).toBeCloseTo(0.0552, 4);
    expect(high).toBeCloseTo(0.1744, 4);
    expect(shareInterval(0, 0, Z)).toEqual({ low: 0, high: 1 });
    expect(shareInterval(0, 50, Z).low).toBe(0);
    expect(shareInterval(50, 50, Z).high).toBe(1);
  });

  it('of a difference of shares are those of Newcombe', () => {
    // 56 of 70 against 48 of 80: his own example.
    const { low, high } = shareDifference([56, 70], [48, 80], Z);
    expect(low).toBeCloseTo(0.0524, 3);
    expect(high).toBeCloseTo(0.3339, 3);
  });

  it('of a difference of means hold the truth 95 times in 100, few values or many', () => {
    const random = seeded(5);
    for (const [few, many] of [
      [12, 400],
      [60, 60],
    ] as const) {
      let held = 0;
      for (let run = 0; run < 400; run++) {
        const [a, b] = [noTotals(), noTotals()];
        for (let i = 0; i < few; i++) observe(a.cost, 5 + random() + random() + random());
        for (let i = 0; i < many; i++) observe(b.cost, 3 + random() + random() + random());
        const interval = meanDifference(a.cost, b.cost, 1, Z);
        if (interval && interval.low <= 2 && interval.high >= 2) held++;
      }
      expect(held / 400).toBeGreaterThan(0.92);
      expect(held / 400).toBeLessThan(0.98);
    }
    const lone = noTotals();
    observe(lone.cost, 1);
    expect(meanDifference(lone.cost, lone.cost, 1, Z)).toBeUndefined();
  });

  it('of p95 hold the truth at least 95 times in 100, and are open where there are too few values', () => {
    const random = seeded(6);
    const truth = 300 * Math.exp(0.5 * 1.6449);
    let held = 0;
    for (let run = 0; run < 300; run++) {
      const totals = noTotals();
      for (let i = 0; i < 200; i++) observeLatency(totals, lognormal(random, 300, 0.5));
      const { low = 0, high = Infinity } = quantileInterval(totals, 0.95, Z);
      if (low <= truth && truth <= high) held++;
    }
    expect(held / 300).toBeGreaterThan(0.95);
    const few = noTotals();
    for (let i = 0; i < 20; i++) observeLatency(few, 100);
    expect(quantileInterval(few, 0.95, Z).high).toBeUndefined();
  });
});

describe('totals', () => {
  it('tell a quantile within a twentieth, whatever the latencies', () => {
    for (const ms of [1, 5, 37, 300, 9_999, 240_000]) {
      const totals = noTotals();
      for (let i = 0; i < 10; i++) observeLatency(totals, ms);
      const told = quantile(totals, 0.5) ?? 0;
      expect(Math.abs(told - Math.max(ms, 4)) / Math.max(ms, 4)).toBeLessThan(0.05);
    }
  });

  it('add up, and survive the wire', () => {
    const random = seeded(7);
    const [sum, parts] = [noTotals(), [noTotals(), noTotals()]];
    for (let i = 0; i < 500; i++) {
      const ms = lognormal(random, 500, 1);
      for (const totals of [sum, parts[i % 2] ?? sum]) {
        totals.requests++;
        observeLatency(totals, ms);
        observe(totals.cost, i);
      }
    }
    const merged = noTotals();
    for (const part of parts) addTotals(merged, readTotals(JSON.parse(JSON.stringify(part))) ?? noTotals());
    expect(merged).toEqual(sum);
    expect(latencyCount(merged)).toBe(500);
    for (const wrong of [
      null,
      [],
      { ...sum, errors: -1 },
      { ...sum, latency: { 400: 1 } },
      { ...sum, cost: {} },
    ]) {
      expect(readTotals(wrong)).toBeUndefined();
    }
  });
});
