/** Checks of second calls, lists per failure, budgets for repetitions, and learned limits. */
import { all, type Check, distinct, integer, list, oneOf, only, shape, text, wrong } from '../check.ts';
import { FAILURE_CLASSES, type RuleBody } from '../schema.ts';
import type { FailoverListBody, HedgeBody } from '../shapes/hedging.ts';

/** Longest timer Node can run, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;
const time = integer(1, MAX_TIMER_MS);
const targetName = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'the name of a target');

export const hedge: Check = all(
  shape(
    { maxExtraCostPercent: integer(1, 100) },
    { afterPercentile: integer(50, 99), afterMs: time, crossModel: only(true) },
  ),
  (value, path) => {
    const { afterPercentile, afterMs } = value as HedgeBody;
    return (afterPercentile === undefined) === (afterMs === undefined)
      ? `${path}.after is a percentile or a time, one of them`
      : undefined;
  },
);

export const failoverLists: Check = all(
  list(
    shape({
      on: all(
        list(oneOf(FAILURE_CLASSES), 16, 1),
        distinct((name: string) => name, 'failure'),
      ),
      targets: all(
        list(targetName, 32, 1),
        distinct((name: string) => name, 'target'),
      ),
    }),
    16,
    1,
  ),
  (value, path) => {
    const classes = (value as FailoverListBody[]).flatMap(({ on }) => on);
    return distinct((name: string) => name, 'failure')(classes, path);
  },
);

export const retryBudget = shape({ percent: integer(0, 1000), minPerSecond: integer(0, 10_000) });

export const learned: Check = all(
  shape({}, { timeouts: only(true), stall: shape({ percent: integer(1, 90), windowMs: time }) }),
  (value, path) => (Object.keys(value as object).length > 0 ? undefined : `${path} needs timeouts or stall`),
);

/** What lists of a rule must agree with. */
export function listsAgree({ failover, targets }: RuleBody, path: string): string | undefined {
  for (const [i, { on, targets: names }] of (failover.to ?? []).entries()) {
    const where = `${path}.failover.to[${i}]`;
    const idle = on.find((kind) => !failover.on.includes(kind));
    if (idle !== undefined) return wrong(`${where}.when`, idle, 'among failover.when');
    const stray = names.find((name) => !targets.some((target) => target.name === name));
    if (stray !== undefined) return wrong(`${where}.targets`, stray, 'the name of a target of the rule');
  }
  return undefined;
}
