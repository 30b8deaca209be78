/** Checks of what may be asked of a provider, and of priority. */
import { all, type Check, integer, oneOf, shape, wrong } from '../check.ts';
import { type ConcurrencyBody, type LimitsBody, PRIORITY_CLASSES } from '../shapes/limits.ts';

const MOST = 1_000_000_000;
const MOST_CALLS = 100_000;
/** A request waits in memory, and its caller for it. */
const LONGEST_WAIT_MS = 600_000;

export const limits: Check = all(
  shape(
    {},
    {
      requestsPerMinute: integer(1, MOST),
      tokensPerMinute: integer(1, MOST),
      maxConcurrent: integer(1, MOST_CALLS),
    },
  ),
  (value, path) =>
    Object.keys(value as LimitsBody).length > 0
      ? undefined
      : `${path} needs requestsPerMinute, tokensPerMinute or maxConcurrent`,
);

export const concurrency: Check = all(
  shape(
    { mode: oneOf(['Fixed', 'Adaptive']), max: integer(1, MOST_CALLS) },
    { min: integer(1, MOST_CALLS), initial: integer(1, MOST_CALLS) },
  ),
  (value, path) => {
    const { mode, max, min, initial } = value as Extract<ConcurrencyBody, { mode: 'Adaptive' }>;
    if ((mode as string) === 'Fixed') {
      return min === undefined && initial === undefined
        ? undefined
        : `${path}: only mode Adaptive has min and initial`;
    }
    if (min === undefined || initial === undefined) return `${path}: mode Adaptive needs min and initial`;
    if (min > max) return wrong(`${path}.min`, min, `at most max, which is ${max}`);
    return initial >= min && initial <= max
      ? undefined
      : wrong(`${path}.initial`, initial, `from ${min} to ${max}`);
  },
);

const percent = integer(1, 100);
const minCalls = integer(1, 10_000);
export const slowCall = shape({ thresholdMs: integer(1, 2_147_483_647), percent, minCalls });
export const errorRate = shape({ percent, minCalls });

export const admission = shape({ class: oneOf(PRIORITY_CLASSES), maxWaitMs: integer(0, LONGEST_WAIT_MS) });
