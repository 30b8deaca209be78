/** Arms of an experiment, made ready once, and the one that a request belongs to. */
import { mirrorArm, REST } from '../../snapshot/experiments/arm-names.ts';
import type { RuleBody } from '../../snapshot/schema.ts';
import type { ExperimentBody, MirrorBody } from '../../snapshot/shapes/experiment.ts';
import { type KeyHash, ticket } from '../affinity/rendezvous.ts';
import { type StickyKind, stickyKey } from '../affinity/sticky-key.ts';
import type { RequestFacts, Step } from '../plan.ts';
import type { TableRule } from '../table.ts';
import { mirrorRule } from './mirror-rule.ts';

export interface TableExperiment {
  readonly body: ExperimentBody;
  /** `namespace/name` of the route and name of the experiment: the experiment as it is known beyond one table. */
  readonly key: string;
  /** As listed; behind them the rest, where there is any. */
  readonly arms: readonly TableArm[];
  readonly mirrors: readonly TableMirror[];
}

export interface TableMirror {
  /** Its one target, asked once: what a copy goes by. */
  readonly rule: TableRule;
  /** What its results are kept under. */
  readonly arm: TableArm;
  readonly percent: number;
  /** Nano-USD, by all pods together. */
  readonly maxCostPerHour: bigint;
}

interface TableArm {
  readonly name: string;
  readonly percent: number;
  /** Positions of its targets in the rule. */
  readonly targets: ReadonlySet<number>;
  /** What is said of a target that is not in it. */
  readonly others: string;
}

/** What a plan says of the experiment that it took part in. */
export interface PlannedArm {
  readonly experiment: TableExperiment;
  readonly arm: TableArm;
  /** What the request was told by; Chance where it says nothing of the kind. */
  readonly sticky: StickyKind | 'Chance';
  /** Share of the arm now. */
  readonly percent: number;
  /** Share of the canary's arm now; undefined without a canary. */
  readonly canary: number | undefined;
}

/** `routeKey`: `namespace/name`. `prepare` makes a rule ready, as that of the experiment was. */
export function tableExperiment(
  routeKey: string,
  rule: RuleBody & { experiment: ExperimentBody },
  prepare: (rule: RuleBody) => TableRule,
): TableExperiment {
  const { experiment: body, targets } = rule;
  const positions = (wanted: (name: string) => boolean): ReadonlySet<number> =>
    new Set(targets.flatMap(({ name }, index) => (wanted(name) ? [index] : [])));
  const named = new Set(body.arms.flatMap((arm) => arm.targets));
  const left = 100 - body.arms.reduce((sum, { percent }) => sum + percent, 0);
  const arms = body.arms.map((arm) =>
    tableArm(
      arm.name,
      arm.percent,
      positions((name) => arm.targets.includes(name)),
      body.name,
    ),
  );
  if (left > 0) {
    const rest = positions((name) => !named.has(name));
    arms.push(tableArm(REST, left, rest, body.name));
  }
  const mirrors = body.mirror.map((mirror) => tableMirror(mirror, rule, prepare));
  return { body, key: `${routeKey} ${body.name}`, arms, mirrors };
}

function tableMirror(
  { target, percent, maxCostPerHour }: MirrorBody,
  rule: RuleBody & { experiment: ExperimentBody },
  prepare: (rule: RuleBody) => TableRule,
): TableMirror {
  return {
    rule: prepare(mirrorRule(rule, target)),
    arm: tableArm(mirrorArm(target), percent, new Set([0]), rule.experiment.name),
    percent,
    maxCostPerHour: BigInt(maxCostPerHour),
  };
}

function tableArm(name: string, percent: number, targets: ReadonlySet<number>, experiment: string): TableArm {
  const whose = name === REST ? 'is in no arm' : `is in arm ${name}`;
  return { name, percent, targets, others: `the request ${whose} of experiment ${experiment}` };
}

/** `step`: the share of the canary's arm in percent; of no account without a canary. */
export function chooseArm(
  experiment: TableExperiment,
  step: number,
  facts: RequestFacts,
  random: () => number,
): PlannedArm {
  const { stickyBy, name } = experiment.body;
  const [only] = experiment.arms;
  if (experiment.body.arms.length === 0 && only)
    return { experiment, arm: only, sticky: 'Chance', percent: 100, canary: undefined };
  const weights = weightsOf(experiment, step);
  const key = stickyKey(stickyBy.type, stickyBy.header, facts, name);
  const at = key ? byTicket(experiment.arms, weights, key.hash) : byChance(weights, random());
  let total = 0;
  for (const weight of weights) total += weight;
  return {
    experiment,
    arm: experiment.arms[at] as TableArm,
    sticky: key?.kind ?? 'Chance',
    percent: Math.round((100 * (weights[at] ?? 0)) / total),
    canary: experiment.body.canary && step,
  };
}

/** Names the arm and what told it, never by which value. */
export function armStep({ experiment, arm, sticky, percent }: PlannedArm): Step {
  const { name, onArmExhausted } = experiment.body;
  const by =
    sticky === 'Chance'
      ? 'by chance: the request says nothing that could keep it in one arm'
      : `by ${sticky}`;
  const which = arm.name === REST ? 'in no arm' : `arm ${arm.name}`;
  const then = onArmExhausted === 'Leave' ? '; other targets come behind its own' : '';
  return {
    stage: 'plan',
    what: `experiment ${name}`,
    detail:
      experiment.body.arms.length === 0 ? 'copies alone' : `${which}, ${percent}% of requests, ${by}${then}`,
  };
}

/**
 * By arm. While a canary moves, the weights of the other arms stay as they are among each other, so that a key moves only
 * between one of them and the canary.
 */
function weightsOf({ body: { canary }, arms }: TableExperiment, step: number): number[] {
  if (canary === undefined) return arms.map(({ percent }) => percent);
  const isCanary = ({ name }: TableArm) => name === canary.arm;
  if (step >= 100) return arms.map((arm) => (isCanary(arm) ? 1 : 0));
  const others = arms.reduce((sum, arm) => sum + (isCanary(arm) ? 0 : arm.percent), 0);
  return arms.map((arm) => (isCanary(arm) ? (step * others) / (100 - step) : arm.percent));
}

function byTicket(arms: readonly TableArm[], weights: readonly number[], key: KeyHash): number {
  let best = 0;
  let lowest = Infinity;
  for (let i = 0; i < arms.length; i++) {
    const weight = weights[i] as number;
    if (weight <= 0) continue;
    const drawn = ticket(key, (arms[i] as TableArm).name, weight);
    if (drawn < lowest) {
      lowest = drawn;
      best = i;
    }
  }
  return best;
}

function byChance(weights: readonly number[], random: number): number {
  let draw = random * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length; i++) {
    draw -= weights[i] as number;
    if (draw < 0) return i;
  }
  return weights.findLastIndex((weight) => weight > 0);
}
