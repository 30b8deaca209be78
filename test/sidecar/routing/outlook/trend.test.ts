import { describe, expect, it } from 'vitest';
import { type Trend, TrendWindow } from '../../../../sidecar/routing/outlook/trend.ts';
import { seeded } from '../../../simulator/chance.ts';

/** Log-normal: most near `median`, some far above, as answers of models are. */
function latency(median: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(0.5 * normal);
}

interface Course {
  perSecond: number;
  seconds: number;
  median: (second: number) => number;
  failing?: (second: number) => number;
}

/** When it was first warned, in seconds, and how bad it then and finally looked. */
function watch({ perSecond, seconds, median, failing = () => 0 }: Course, seed: number) {
  const random = seeded(seed);
  const window = new TrendWindow();
  let first: number | undefined;
  let last: Trend | undefined;
  let warned = 0;
  for (let n = 0; n < perSecond * seconds; n++) {
    const second = n / perSecond;
    const fails = random() < failing(second);
    window.add(fails ? undefined : latency(median(second), random), second * 1000);
    if (n % 10 !== 9) continue;
    last = window.trend(second * 1000);
    if (!last) continue;
    warned++;
    first ??= second;
  }
  return { first, last, warned };
}

const seeds = Array.from({ length: 40 }, (_, i) => i + 1);

describe('a trend', () => {
  it('is not seen where nothing changes: ten minutes, forty times, busy and quiet', () => {
    const steady = { seconds: 600, median: () => 400, failing: () => 0.02 };
    const warned = seeds.filter(
      (seed) => watch({ ...steady, perSecond: seed % 2 === 0 ? 20 : 2 }, seed).first !== undefined,
    );
    expect(warned).toEqual([]);
  });

  it('is not seen where latency goes up and down from request to request of two sizes, or over hours', () => {
    const random = seeded(7);
    const mixed = { perSecond: 10, seconds: 600, median: () => (random() < 0.3 ? 2000 : 300) };
    const daily = { perSecond: 5, seconds: 1800, median: (s: number) => 400 * (1 + s / 1800) };
    for (const seed of seeds.slice(0, 10)) {
      expect(watch(mixed, seed).first).toBeUndefined();
      expect(watch(daily, seed).first).toBeUndefined();
    }
  });

  it('is not seen where the level jumps to and fro from moment to moment', () => {
    for (const seed of seeds) {
      const random = seeded(seed);
      const levels = Array.from({ length: 130 }, () => 400 * 2 ** (2 * random() - 1));
      const median = (s: number) => levels[Math.floor(s / 5)] ?? 400;
      expect(watch({ perSecond: 10, seconds: 600, median }, seed).first).toBeUndefined();
    }
  });

  it('is seen before a target that grows slower within minutes has become four times as slow', () => {
    for (const seed of seeds) {
      // Doubles every thirty seconds from the first minute on.
      const median = (s: number) => 300 * 2 ** (Math.max(0, s - 60) / 30);
      const { first, last } = watch({ perSecond: 5, seconds: 150, median }, seed);
      expect(first).toBeGreaterThan(60);
      expect(first).toBeLessThan(115);
      expect(last?.of).toBe('Latency');
      expect(last?.severity).toBeGreaterThan(0.7);
    }
  });

  it('is seen while a small but growing share fails, long before most do', () => {
    for (const seed of seeds) {
      const failing = (s: number) => Math.max(0, (s - 60) / 90);
      const { first, last } = watch({ perSecond: 5, seconds: 130, median: () => 300, failing }, seed);
      expect(first).toBeGreaterThan(60);
      expect(first).toBeLessThan(105);
      expect(last?.of).toBe('Errors');
      expect(last?.severity).toBeGreaterThan(0.5);
    }
  });

  it('is over soon after the target has recovered', () => {
    for (const seed of seeds) {
      const median = (s: number) => (s >= 60 && s < 100 ? 1500 : 300);
      const random = seeded(seed);
      const window = new TrendWindow();
      for (let n = 0; n < 10 * 100; n++) window.add(latency(median(n / 10), random), n * 100);
      expect(window.trend(100_000)?.of).toBe('Latency');
      for (let n = 1000; n < 1120; n++) window.add(latency(median(n / 10), random), n * 100);
      expect(window.trend(112_000)).toBeUndefined();
    }
  });

  it('needs something to go by', () => {
    const window = new TrendWindow();
    expect(window.trend(0)).toBeUndefined();
    for (let n = 0; n < 20; n++) window.add(100 * (n + 1), n * 1000);
    expect(window.trend(20_000)).toBeUndefined();
    window.add(undefined, 21_000);
    expect(window.trend(1_000_000)).toBeUndefined();
  });
});
