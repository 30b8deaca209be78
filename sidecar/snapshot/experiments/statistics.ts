/**
 * Intervals in which the truth behind some numbers lies, as sure as `z` deviations of a bell curve are: 1.96 for 95 times in
 * 100. PURE.
 */
import { type ArmTotals, HALF_CLASS, latencyAt, latencyCount, type Moments } from './arm-totals.ts';

export interface Interval {
  low: number;
  high: number;
}

/** Wilson's interval of a share; everything where nothing was counted. */
export function shareInterval(hits: number, of: number, z: number): Interval {
  if (of === 0) return { low: 0, high: 1 };
  const share = hits / of;
  const centre = share + (z * z) / (2 * of);
  const width = z * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  const over = 1 + (z * z) / of;
  return { low: Math.max(0, (centre - width) / over), high: Math.min(1, (centre + width) / over) };
}

/** Newcombe's interval of the difference of two shares, the first minus the second. */
export function shareDifference(first: [number, number], second: [number, number], z: number): Interval {
  const a = shareInterval(...first, z);
  const b = shareInterval(...second, z);
  const shareOf = ([hits, of]: [number, number]) => (of === 0 ? 0 : hits / of);
  const difference = shareOf(first) - shareOf(second);
  return {
    low: difference - Math.hypot(shareOf(first) - a.low, b.high - shareOf(second)),
    high: difference + Math.hypot(a.high - shareOf(first), shareOf(second) - b.low),
  };
}

export const meanOf = ({ count, sum }: Moments): number | undefined =>
  count === 0 ? undefined : sum / count;

/** Variance of the mean; undefined below two values. */
function meanVariance({ count, sum, squares }: Moments): number | undefined {
  if (count < 2) return undefined;
  return Math.max(0, squares - (sum * sum) / count) / (count - 1) / count;
}

/**
 * Welch's interval of `first` mean minus `times` the `second`; undefined where either has too few values. Few values make
 * it wider, as Student's distribution is wider than a bell curve.
 */
export function meanDifference(
  first: Moments,
  second: Moments,
  times: number,
  z: number,
): Interval | undefined {
  const [a, b] = [meanOf(first), meanOf(second)];
  const [va, vb] = [meanVariance(first), meanVariance(second)];
  if (a === undefined || b === undefined || va === undefined || vb === undefined) return undefined;
  const scaled = vb * times * times;
  const variance = va + scaled;
  const freedom =
    variance === 0
      ? Infinity
      : (variance * variance) / ((va * va) / (first.count - 1) + (scaled * scaled) / (second.count - 1));
  const width = student(z, freedom) * Math.sqrt(variance);
  const difference = a - times * b;
  return { low: difference - width, high: difference + width };
}

/** The quantile of Student's distribution that is as far out as `z` of a bell curve (Cornish-Fisher, two terms). */
function student(z: number, freedom: number): number {
  const n = Math.max(1, freedom);
  return z + (z ** 3 + z) / (4 * n) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n * n);
}

/** Interval of a quantile by ranks; an end is undefined where there are too few values to bound it. */
export function quantileInterval(
  totals: ArmTotals,
  share: number,
  z: number,
): { low: number | undefined; high: number | undefined } {
  const count = latencyCount(totals);
  const width = z * Math.sqrt(count * share * (1 - share));
  const [low, high] = [Math.floor(count * share - width), Math.ceil(count * share + width) + 1];
  const shortest = low >= 1 ? latencyAt(totals, low) : undefined;
  const longest = high <= count ? latencyAt(totals, high) : undefined;
  return {
    low: shortest && shortest / HALF_CLASS,
    high: longest && longest * HALF_CLASS,
  };
}

export const quantile = (totals: ArmTotals, share: number): number | undefined =>
  latencyAt(totals, Math.max(1, Math.ceil(latencyCount(totals) * share)));
