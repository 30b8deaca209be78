/** What became of the requests of one arm, in numbers that add up: those of all pods are those of the arm. JSON. */

export interface ArmTotals {
  /** Requests that succeeded or failed; what callers got wrong or broke off is not counted. */
  requests: number;
  errors: number;
  /** Times to the first content, as counts by class; classes without any are left out. */
  latency: Record<string, number>;
  /** Of requests whose cost is known, in nano-USD. */
  cost: Moments;
  /** Scores of feedback, 0 to 1. */
  feedback: Moments;
}

/** Enough for a mean and its variance. */
export interface Moments {
  count: number;
  sum: number;
  squares: number;
}

/** Each class reaches 2^(1/8) times as far as the one before: quantiles are right within a twentieth. */
const STEPS = 8;
const FIRST_MS = 4;
const LAST_CLASS = 128;

export const noTotals = (): ArmTotals => ({
  requests: 0,
  errors: 0,
  latency: {},
  cost: noMoments(),
  feedback: noMoments(),
});

const noMoments = (): Moments => ({ count: 0, sum: 0, squares: 0 });

export function observe(moments: Moments, value: number): void {
  moments.count++;
  moments.sum += value;
  moments.squares += value * value;
}

export function observeLatency({ latency }: ArmTotals, ms: number): void {
  const key = String(latencyClass(ms));
  latency[key] = (latency[key] ?? 0) + 1;
}

export function addTotals(sum: ArmTotals, more: ArmTotals): void {
  sum.requests += more.requests;
  sum.errors += more.errors;
  for (const [key, count] of Object.entries(more.latency)) sum.latency[key] = (sum.latency[key] ?? 0) + count;
  addMoments(sum.cost, more.cost);
  addMoments(sum.feedback, more.feedback);
}

/** To those of one arm, by its name. */
export function addToArm(sums: Map<string, ArmTotals>, arm: string, more: ArmTotals): void {
  let sum = sums.get(arm);
  if (!sum) sums.set(arm, (sum = noTotals()));
  addTotals(sum, more);
}

function addMoments(sum: Moments, more: Moments): void {
  sum.count += more.count;
  sum.sum += more.sum;
  sum.squares += more.squares;
}

function latencyClass(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(LAST_CLASS, Math.ceil(STEPS * Math.log2(ms / FIRST_MS)));
}

/** From the middle of a class to either end of it, as a factor. */
export const HALF_CLASS: number = 2 ** (0.5 / STEPS);

/** Milliseconds at the middle of the class on the logarithmic scale. */
const middleOf = (index: number): number => FIRST_MS * 2 ** ((index - 0.5) / STEPS);

/** How many latencies there are. */
export function latencyCount({ latency }: ArmTotals): number {
  let count = 0;
  for (const each of Object.values(latency)) count += each;
  return count;
}

/** Milliseconds of the latency with that rank, 1 for the shortest; undefined where there are not as many. */
export function latencyAt({ latency }: ArmTotals, rank: number): number | undefined {
  let left = rank;
  const classes = Object.keys(latency).map(Number);
  for (const index of classes.sort((a, b) => a - b)) {
    left -= latency[String(index)] ?? 0;
    if (left <= 0) return middleOf(index);
  }
  return undefined;
}

const MAX_COUNT = 1e9;
const MAX_SUM = 1e30;

/** Reads what another process says; undefined for what is not of this form. */
export function readTotals(value: unknown): ArmTotals | undefined {
  const { requests, errors, latency, cost, feedback } = members(value);
  if (!isCount(requests) || !isCount(errors) || errors > requests) return undefined;
  const moments = [readMoments(cost), readMoments(feedback)];
  const [ofCost, ofFeedback] = moments;
  if (!ofCost || !ofFeedback) return undefined;
  const classes = Object.entries(members(latency));
  const known = classes.every(
    ([key, count]) => /^(0|[1-9]\d{0,2})$/.test(key) && Number(key) <= LAST_CLASS && isCount(count),
  );
  if (!known) return undefined;
  return {
    requests,
    errors,
    latency: Object.fromEntries(classes) as Record<string, number>,
    cost: ofCost,
    feedback: ofFeedback,
  };
}

function readMoments(value: unknown): Moments | undefined {
  const { count, sum, squares } = members(value);
  return isCount(count) && isSum(sum) && isSum(squares) ? { count, sum, squares } : undefined;
}

/** Of what may be anything at all. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT;
const isSum = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= MAX_SUM;
