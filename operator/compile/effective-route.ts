/** A route with everything that was unset filled in, in the words of the resource, and which values those are. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import { type EffectiveLater, effectiveLater } from './batch.ts';
import { type EffectiveBudget, effectiveBudgets } from './budgets.ts';
import { type DisabledCache, type EffectiveCache, effectiveCache } from './cache.ts';
import { type EffectiveContext, effectiveContext } from './context.ts';
import { atLeast, Filler, RULE } from './defaults.ts';
import { type EffectiveExperiment, effectiveExperiment } from './experiment.ts';
import { type EffectiveHedging, effectiveHedging } from './hedging.ts';
import { type EffectiveAdmission, effectiveAdmission } from './limits.ts';
import { type EffectiveRateLimit, effectiveRateLimits } from './rate-limits.ts';
import { effectiveMatchSignals, effectiveSignals } from './signals.ts';
import { type EffectiveStrategy, effectiveStrategy } from './strategy.ts';

type Rule = LLMRouteSpec['rules'][number];
type Target = Rule['targets'][number];
type Match = NonNullable<Rule['matches']>[number];
type Filled<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };

export type EffectiveTarget = Filled<Target, 'weight' | 'priority'>;
export interface EffectiveRule
  extends Omit<
      Filled<Rule, 'matches' | 'statefulTarget' | 'onNoTarget'>,
      | 'hedge'
      | 'strategy'
      | 'targets'
      | 'failover'
      | 'timeouts'
      | 'commit'
      | 'responses'
      | 'admission'
      | 'rateLimits'
      | 'experiment'
      | 'context'
      | 'cache'
      | 'batch'
      | 'async'
    >,
    EffectiveLater {
  strategy: EffectiveStrategy;
  targets: EffectiveTarget[];
  hedge?: NonNullable<EffectiveHedging['hedge']>;
  failover: EffectiveHedging['failover'] & { backoff: { base: string; max: string } };
  timeouts: Required<Omit<NonNullable<Rule['timeouts']>, 'learned' | 'stall'>> & EffectiveHedging['timeouts'];
  commit: { holdMax: string };
  admission: EffectiveAdmission;
  rateLimits?: EffectiveRateLimit[];
  experiment?: EffectiveExperiment;
  context?: EffectiveContext;
  cache?: EffectiveCache | DisabledCache;
  responses: { store: 'AsAsked' | 'Never' };
}
export interface EffectiveRouteSpec
  extends Omit<Filled<LLMRouteSpec, 'workloadSelector' | 'unsupportedParameters'>, 'rules' | 'budgets'> {
  rules: EffectiveRule[];
  budgets?: EffectiveBudget[];
}

/** `defaulted` holds the paths that were unset, such as `spec.rules[0].timeouts.connect`. `keys`: how many a target may use, where that is known. */
export function effectiveRoute(
  spec: LLMRouteSpec,
  keys?: (target: Target) => number,
): { spec: EffectiveRouteSpec; defaulted: string[] } {
  const fill = new Filler();
  const { budgets, ...plain } = spec;
  const effective = {
    ...plain,
    workloadSelector: fill.in('spec.workloadSelector', spec.workloadSelector, {}),
    unsupportedParameters: fill.in('spec.unsupportedParameters', spec.unsupportedParameters, 'Warn' as const),
    rules: spec.rules.map((rule, i) => effectiveRule(rule, `spec.rules[${i}]`, fill, keys)),
    ...(spec.signals && { signals: effectiveSignals(spec.signals, fill) }),
    ...(budgets && { budgets: effectiveBudgets(budgets, 'spec.budgets', fill) }),
  };
  return { spec: effective, defaulted: fill.defaulted };
}

function effectiveRule(
  rule: Rule,
  path: string,
  fill: Filler,
  keys: ((target: Target) => number) | undefined,
): EffectiveRule {
  const {
    failover,
    timeouts,
    experiment: _unfilled,
    hedge: _asked,
    batch: _lines,
    async: _later,
    context,
    cache,
    rateLimits,
    ...plain
  } = rule;
  const hedging = effectiveHedging(rule, path, fill, keys);
  const matches = fill.in(`${path}.matches`, rule.matches, []);
  const base = fill.in(`${path}.failover.backoff.base`, failover?.backoff?.base, RULE.backoff.base);
  const time = (name: keyof typeof RULE.timeouts) =>
    fill.in(`${path}.timeouts.${name}`, timeouts?.[name], RULE.timeouts[name]);
  return {
    ...plain,
    ...effectiveExperiment(rule.experiment, path, fill),
    ...effectiveContext(context, path, fill),
    ...effectiveCache(cache, path, fill),
    ...effectiveLater(rule, path, fill),
    ...(hedging.hedge && { hedge: hedging.hedge }),
    matches: matches.map((match, i) => effectiveMatch(match, `${path}.matches[${i}]`, fill)),
    strategy: effectiveStrategy(rule.strategy, `${path}.strategy`, fill),
    onNoTarget: fill.in(`${path}.onNoTarget`, rule.onNoTarget, 'Reject' as const),
    targets: rule.targets.map((target, i) => ({
      ...target,
      weight: fill.in(`${path}.targets[${i}].weight`, target.weight, 1),
      priority: fill.in(`${path}.targets[${i}].priority`, target.priority, 0),
    })),
    failover: {
      ...hedging.failover,
      backoff: {
        base,
        max: fill.in(`${path}.failover.backoff.max`, failover?.backoff?.max, atLeast(RULE.backoff.max, base)),
      },
    },
    timeouts: {
      connect: time('connect'),
      firstToken: time('firstToken'),
      interToken: time('interToken'),
      attempt: time('attempt'),
      request: time('request'),
      clientStall: time('clientStall'),
      ...hedging.timeouts,
    },
    admission: effectiveAdmission(rule.admission, path, fill),
    ...(rateLimits && { rateLimits: effectiveRateLimits(rateLimits, `${path}.rateLimits`, fill) }),
    commit: { holdMax: fill.in(`${path}.commit.holdMax`, rule.commit?.holdMax, RULE.holdMax) },
    statefulTarget: fill.in(`${path}.statefulTarget`, rule.statefulTarget, rule.targets[0]?.name ?? ''),
    responses: { store: fill.in(`${path}.responses.store`, rule.responses?.store, 'AsAsked' as const) },
  };
}

function effectiveMatch(match: Match, path: string, fill: Filler): Match {
  const headers = match.headers?.map((header, i) => ({
    ...header,
    type: fill.in(`${path}.headers[${i}].type`, header.type, 'Exact' as const),
  }));
  return { ...match, ...(headers && { headers }), ...effectiveMatchSignals(match, path, fill) };
}
