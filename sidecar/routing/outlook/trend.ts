/**
 * Whether a target is getting worse, told before it fails. PURE but for what it keeps: a minute in bins of five seconds.
 *
 * Latency: a straight line through the mean logarithms of the bins, each weighing as much as it saw. It counts as rising when
 * the slope stands out from what chance makes of such latencies and of levels that jump to and fro, the line has risen by half
 * over the bins it spans, and the last ten seconds still lie in its upper half: what has recovered is no longer getting worse.
 * Errors: the same through the shares that failed. Both must stand out by far: a warning that cries wolf is worse than none.
 */
const BIN_MS = 5_000;
const BINS = 12;
/** Standard errors that a slope must be away from zero: once in some hundred thousand windows by chance. */
const SIGNIFICANT = 4.5;
/** Where bins differ far more than their answers explain, there are only as many numbers as bins: they prove less. */
const UNEXPLAINED = 4;
const BINS_OF_FEW = 9;
const SIGNIFICANT_OF_FEW = 7;
const SIGNIFICANT_ERRORS = 4;
const MIN_COUNT = 30;
const MIN_BINS = 6;
const MIN_RISE = 1.5;
/** A rise over the window that calls for everything that may be moved. */
const FULL_RISE = 4;
const MIN_RISE_MS = 100;
const MIN_FAILED = 5;
const MIN_FAILED_SHARE = 0.1;
const FULL_FAILED_SHARE = 0.5;

export interface Trend {
  /** In [0, 1]: how much of the traffic should rather go elsewhere. 0: nothing stands out. */
  readonly severity: number;
  readonly of: 'Latency' | 'Errors';
  /** Milliseconds at both ends of the line, or shares that failed. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds that the line spans. */
  readonly span: number;
}

/** One bin: answers, sum and sum of squares of the logarithms of their milliseconds, failures. */
interface Bin {
  at: number;
  answers: number;
  sum: number;
  squares: number;
  failed: number;
}

/** Straight line by weighted least squares. */
interface Line {
  slope: number;
  /** Weighted sum of squares of x around its mean. */
  spread: number;
  from: number;
  to: number;
  steps: number;
}

export class TrendWindow {
  readonly #bins: Bin[] = [];

  /** `ms`: time to the committing event of an attempt that succeeded; undefined: it failed. `now` is monotonic. */
  add(ms: number | undefined, now: number): void {
    const bin = this.#binAt(now);
    if (ms === undefined) {
      bin.failed++;
      return;
    }
    const log = Math.log(Math.max(1, ms));
    bin.answers++;
    bin.sum += log;
    bin.squares += log * log;
  }

  /** What stands out now; the worse of the two. */
  trend(now: number): Trend | undefined {
    const first = Math.floor(now / BIN_MS) - BINS;
    const bins = this.#bins.filter(({ at }) => at > first);
    if (bins.length < MIN_BINS) return undefined;
    const latency = risingLatency(bins);
    const errors = risingErrors(bins);
    return (errors?.severity ?? 0) > (latency?.severity ?? 0) ? errors : latency;
  }

  #binAt(now: number): Bin {
    const at = Math.floor(now / BIN_MS);
    let bin = this.#bins.at(-1);
    if (bin?.at !== at) {
      bin = { at, answers: 0, sum: 0, squares: 0, failed: 0 };
      if (this.#bins.push(bin) > BINS) this.#bins.shift();
    }
    return bin;
  }
}

function risingLatency(all: readonly Bin[]): Trend | undefined {
  const bins = all.filter(({ answers }) => answers > 0);
  const count = bins.reduce((sum, { answers }) => sum + answers, 0);
  if (bins.length < MIN_BINS || count < MIN_COUNT) return undefined;
  const line = fit(
    bins,
    ({ answers }) => answers,
    ({ sum, answers }) => sum / answers,
  );
  if (!line || line.slope <= 0) return undefined;
  let within = 0;
  for (const { answers, sum, squares } of bins) within += squares - (sum * sum) / answers;
  const single = within / Math.max(1, count - bins.length);
  if (!standsOut(line, single, SIGNIFICANT)) return undefined;
  const jumping = jumps(bins, line.slope);
  if (jumping > UNEXPLAINED * single) {
    if (bins.length < BINS_OF_FEW || !standsOut(line, jumping, SIGNIFICANT_OF_FEW)) return undefined;
  }
  const [from, to] = [Math.exp(line.from), Math.exp(line.to)];
  const rise = to / from;
  if (rise < MIN_RISE || to - from < MIN_RISE_MS) return undefined;
  const recent = latest(
    all,
    ({ answers }) => answers,
    ({ sum }) => sum,
  );
  if (recent < (line.from + line.to) / 2) return undefined;
  const severity = grown(Math.log(rise), Math.log(MIN_RISE), Math.log(FULL_RISE));
  return { severity, of: 'Latency', from, to, span: line.steps * BIN_MS };
}

function risingErrors(bins: readonly Bin[]): Trend | undefined {
  const total = ({ answers, failed }: Bin): number => answers + failed;
  const [count, failed] = [
    bins.reduce((sum, bin) => sum + total(bin), 0),
    bins.reduce((s, b) => s + b.failed, 0),
  ];
  if (count < MIN_COUNT || failed < MIN_FAILED) return undefined;
  const line = fit(bins, total, (bin) => bin.failed / total(bin));
  if (!line || line.slope <= 0) return undefined;
  const share = failed / count;
  if (!standsOut(line, share * (1 - share), SIGNIFICANT_ERRORS)) return undefined;
  const to = Math.min(1, line.to);
  if (to < MIN_FAILED_SHARE) return undefined;
  if (latest(bins, total, (bin) => bin.failed) < (line.from + line.to) / 2) return undefined;
  const severity = grown(to, MIN_FAILED_SHARE, FULL_FAILED_SHARE);
  return { severity, of: 'Errors', from: Math.max(0, line.from), to, span: line.steps * BIN_MS };
}

const standsOut = ({ slope, spread }: Line, variance: number, by: number): boolean =>
  slope >= by * Math.sqrt(Math.max(variance, 1e-6) / spread);

/**
 * Variance of single answers as far as it shows in how bins next to each other differ beyond the slope: by the three quarters
 * of the differences that are smallest, so that levels that jump to and fro count, and one step up does not.
 */
function jumps(bins: readonly Bin[], slope: number): number {
  const squares = bins.slice(1).map((bin, i) => {
    const before = bins[i] as Bin;
    const rise = bin.sum / bin.answers - before.sum / before.answers - slope * (bin.at - before.at);
    return rise ** 2 / (1 / bin.answers + 1 / before.answers);
  });
  squares.sort((a, b) => a - b);
  return (squares[Math.floor(0.75 * squares.length)] ?? 0) / UPPER_QUARTILE_OF_SQUARES;
}

/** Of normally distributed numbers. */
const UPPER_QUARTILE_OF_SQUARES = 1.323;

/** Undefined where all lies in one place. */
function fit(
  bins: readonly Bin[],
  weight: (bin: Bin) => number,
  value: (bin: Bin) => number,
): Line | undefined {
  const origin = (bins[0] as Bin).at;
  let [sum, x, y] = [0, 0, 0];
  for (const bin of bins) {
    const w = weight(bin);
    sum += w;
    x += w * (bin.at - origin);
    y += w * value(bin);
  }
  [x, y] = [x / sum, y / sum];
  let [spread, product] = [0, 0];
  for (const bin of bins) {
    const dx = bin.at - origin - x;
    spread += weight(bin) * dx * dx;
    product += weight(bin) * dx * (value(bin) - y);
  }
  if (spread === 0) return undefined;
  const slope = product / spread;
  const steps = (bins.at(-1) as Bin).at - origin;
  return { slope, spread, from: y - slope * x, to: y + slope * (steps - x), steps };
}

/** Mean over the last two bins. */
function latest(bins: readonly Bin[], weight: (bin: Bin) => number, sum: (bin: Bin) => number): number {
  const last = (bins.at(-1) as Bin).at;
  const recent = bins.filter(({ at }) => at >= last - 1);
  const count = recent.reduce((all, bin) => all + weight(bin), 0);
  return count === 0 ? 0 : recent.reduce((all, bin) => all + sum(bin), 0) / count;
}

/** From a tenth at `least` to 1 at `full`. */
const grown = (value: number, least: number, full: number): number =>
  Math.min(1, 0.1 + (0.9 * (value - least)) / (full - least));
