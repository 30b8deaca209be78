/** Affinity and experiments of rules: what is unset filled in, and from the words of the resource to those of the snapshot. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';
import { shifted } from './prices.ts';

type Rule = LLMRouteSpec['rules'][number];
type Affinity = NonNullable<Rule['affinity']>;
type Experiment = NonNullable<Rule['experiment']>;
type Canary = NonNullable<Experiment['canary']>;
type EffectiveCanary = Required<Canary> & {
  bounds: NonNullable<Canary['bounds']> & { errorPercent: number; latencyPercent: number };
};

export type EffectiveExperiment = Omit<Experiment, 'canary'> & {
  stickyBy: NonNullable<Experiment['stickyBy']>;
  onArmExhausted: NonNullable<Experiment['onArmExhausted']>;
  canary?: EffectiveCanary;
};

const NANO_DIGITS = 9;
const CANARY = {
  steps: [1, 5, 25, 50, 100],
  interval: '10m',
  minRequests: 100,
  errorPercent: 5,
  latencyPercent: 150,
};

/** `path`: of the rule, such as `spec.rules[0]`. Nothing where the rule has no experiment. */
export function effectiveExperiment(
  experiment: Experiment | undefined,
  path: string,
  fill: Filler,
): { experiment?: EffectiveExperiment } {
  if (experiment === undefined) return {};
  const { canary, ...rest } = experiment;
  const at = `${path}.experiment`;
  const sticky = { type: 'Conversation' as const };
  return {
    experiment: {
      ...rest,
      stickyBy: fill.in(`${at}.stickyBy`, rest.stickyBy, sticky),
      onArmExhausted: fill.in(`${at}.onArmExhausted`, rest.onArmExhausted, 'Stay' as const),
      ...(canary && { canary: effectiveCanary(canary, `${at}.canary`, fill) }),
    },
  };
}

function effectiveCanary(canary: Canary, at: string, fill: Filler): EffectiveCanary {
  const { arm, steps, interval, minRequests, bounds = {} } = canary;
  const { errorPercent, latencyPercent } = bounds;
  return {
    arm,
    steps: fill.in(`${at}.steps`, steps, CANARY.steps),
    interval: fill.in(`${at}.interval`, interval, CANARY.interval),
    minRequests: fill.in(`${at}.minRequests`, minRequests, CANARY.minRequests),
    bounds: {
      ...bounds,
      errorPercent: fill.in(`${at}.bounds.errorPercent`, errorPercent, CANARY.errorPercent),
      latencyPercent: fill.in(`${at}.bounds.latencyPercent`, latencyPercent, CANARY.latencyPercent),
    },
  };
}

/** Members of the rule's body; a rule that names neither has neither. */
export function stickyMembers(rule: {
  affinity?: Affinity;
  experiment?: EffectiveExperiment;
}): Pick<RuleBody, 'affinity' | 'experiment'> {
  return {
    ...(rule.affinity && { affinity: affinityBody(rule.affinity) }),
    ...(rule.experiment && { experiment: experimentBody(rule.experiment) }),
  };
}

function affinityBody({ by, header, promptCache }: Affinity): NonNullable<RuleBody['affinity']> {
  return {
    by,
    ...(header !== undefined && { header: header.toLowerCase() }),
    ...(promptCache && {
      promptCache: promptCache.ttl === undefined ? {} : { ttlMs: milliseconds(promptCache.ttl) },
    }),
  };
}

function experimentBody(spec: EffectiveExperiment): NonNullable<RuleBody['experiment']> {
  const { name, stickyBy, arms = [], onArmExhausted, mirror = [], canary } = spec;
  return {
    name,
    stickyBy: {
      type: stickyBy.type,
      ...(stickyBy.header !== undefined && { header: stickyBy.header.toLowerCase() }),
    },
    arms: arms.map((arm) => ({ name: arm.name, targets: [...arm.targets], percent: arm.percent ?? 0 })),
    onArmExhausted,
    mirror: mirror.map(({ target, percent, maxCostPerHour }) => ({
      target,
      percent,
      maxCostPerHour: String(shifted(maxCostPerHour, NANO_DIGITS)),
    })),
    ...(canary && { canary: canaryBody(canary) }),
  };
}

function canaryBody({ arm, steps, interval, minRequests, bounds }: EffectiveCanary) {
  const { errorPercent, latencyPercent, costPercent, feedbackDrop } = bounds;
  return {
    arm,
    steps: [...steps],
    intervalMs: milliseconds(interval),
    minRequests,
    bounds: {
      errorPercent,
      latencyPercent,
      ...(costPercent !== undefined && { costPercent }),
      ...(feedbackDrop !== undefined && { feedbackDrop }),
    },
  };
}
