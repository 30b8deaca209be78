/** Judges what a rule says of its experiment; `experimentOf` holds it against the rule's targets. */
import { all, type Check, distinct, integer, list, oneOf, shape, text, wrong } from '../check.ts';
import type { CanaryBody, ExperimentBody, StickyBy } from '../shapes/experiment.ts';

const label = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'a name of lower-case letters, digits and dashes');
const header = text(64, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'a header name in lower case');
const names = all(
  list(label, 32, 1),
  distinct((name: string) => name, 'target'),
);
const percent = integer(0, 100);

const stickyBy: Check = all(
  shape({ type: oneOf(['User', 'Conversation', 'Header']) }, { header }),
  (value, path) => {
    const { type, header: name } = value as StickyBy;
    return (type === 'Header') === (name !== undefined)
      ? undefined
      : wrong(`${path}.header`, name, type === 'Header' ? 'the name of a header' : 'absent');
  },
);

const canary: Check = all(
  shape({
    arm: label,
    steps: list(integer(1, 100), 16, 1),
    intervalMs: integer(1000, 2_147_483_647),
    minRequests: integer(1, 1_000_000),
    bounds: shape(
      {},
      {
        errorPercent: integer(0, 100),
        latencyPercent: integer(100, 10_000),
        costPercent: integer(100, 10_000),
        feedbackDrop: integer(0, 100),
      },
    ),
  }),
  (value, path) => {
    const { steps } = value as CanaryBody;
    const falls = steps.find((step, i) => step <= (steps[i - 1] ?? 0));
    return falls === undefined ? undefined : wrong(`${path}.steps`, falls, 'above the step before it');
  },
);

export const experiment: Check = all(
  shape(
    {
      name: label,
      stickyBy,
      arms: all(
        list(shape({ name: label, targets: names, percent }), 8),
        distinct((arm: { name: string }) => arm.name, 'arm'),
      ),
      onArmExhausted: oneOf(['Stay', 'Leave']),
      mirror: all(
        list(
          shape({
            target: label,
            percent: integer(1, 100),
            maxCostPerHour: text(25, /^[0-9]+$/, 'nano-USD in digits'),
          }),
          4,
        ),
        distinct((mirror: { target: string }) => mirror.target, 'mirror'),
      ),
    },
    { canary },
  ),
  (value, path) => sharesOf(value as ExperimentBody, path),
);

/** Percents add up, and a canary has its arm. */
function sharesOf({ arms, canary: moving }: ExperimentBody, path: string): string | undefined {
  const sum = arms.reduce((total, arm) => total + arm.percent, 0);
  if (sum > 100) return `${path}.arms have ${sum} percent together, more than 100`;
  if (moving === undefined) return undefined;
  const arm = arms.find(({ name }) => name === moving.arm);
  if (arm === undefined) return wrong(`${path}.canary.arm`, moving.arm, 'the name of an arm');
  return arm.percent === 0
    ? undefined
    : wrong(`${path}.canary.arm`, moving.arm, 'an arm without a percent: its share is the step');
}

/** What an experiment names is there, and every request has somewhere to go. */
export function experimentOf(
  rule: { targets: { name: string; weight: number }[]; experiment?: ExperimentBody },
  path: string,
): string | undefined {
  const { experiment: body, targets } = rule;
  if (body === undefined) return undefined;
  const known = new Set(targets.map(({ name }) => name));
  const { arms, mirror } = body;
  for (const [i, arm] of arms.entries()) {
    const unknown = arm.targets.find((name) => !known.has(name));
    if (unknown !== undefined) {
      return wrong(`${path}.experiment.arms[${i}].targets`, unknown, 'a target of this rule');
    }
  }
  const lost = mirror.find(({ target }) => !known.has(target));
  if (lost) return wrong(`${path}.experiment.mirror`, lost.target, 'a target of this rule');
  const sum = arms.reduce((total, { percent: share }) => total + share, 0);
  const named = new Set(arms.flatMap((arm) => arm.targets));
  const open = targets.some(({ name, weight }) => weight > 0 && !named.has(name));
  return sum < 100 && !open
    ? `${path}.experiment.arms have ${sum} percent together and name every target that takes traffic: the other ${100 - sum} percent have nowhere to go`
    : undefined;
}
