/** Limits of providers, rates that eject, and priority of rules: from the words of the resource to those of the snapshot. */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { ProviderBody, RuleBody } from '../../sidecar/snapshot/schema.ts';
import type { LimitsBody } from '../../sidecar/snapshot/shapes/limits.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';

type Rule = LLMRouteSpec['rules'][number];
type Concurrency = NonNullable<LLMProviderSpec['concurrency']>;
type Passive = NonNullable<NonNullable<LLMProviderSpec['healthCheck']>['passive']>;
type SlowCall = Required<NonNullable<Passive['slowCall']>>;
type ErrorRate = Required<NonNullable<Passive['errorRate']>>;
export type EffectiveConcurrency =
  | { mode: 'Fixed'; max: number }
  | { mode: 'Adaptive'; min: number; initial: number; max: number };
export interface EffectiveRates {
  slowCall?: SlowCall;
  errorRate?: ErrorRate;
}
export interface EffectiveAdmission {
  class: NonNullable<NonNullable<Rule['admission']>['class']>;
  maxWait: string;
}

const MOST_CALLS = 1000;
const FIRST_CALLS = 20;
const MIN_CALLS = 20;
const SLOW_PERCENT = 50;

/** Adaptive: what is unset stays within what is set. */
export function effectiveConcurrency(
  concurrency: Concurrency | undefined,
  fill: Filler,
): EffectiveConcurrency | undefined {
  if (!concurrency) return undefined;
  const { mode, min, initial } = concurrency;
  const at = 'spec.concurrency';
  const max = fill.in(`${at}.max`, concurrency.max, Math.max(MOST_CALLS, min ?? 0, initial ?? 0));
  if (mode === 'Fixed') return { mode, max };
  const least = fill.in(`${at}.min`, min, Math.min(1, max));
  return {
    mode,
    min: least,
    initial: fill.in(`${at}.initial`, initial, Math.min(max, Math.max(least, FIRST_CALLS))),
    max,
  };
}

export function effectiveRates(passive: Passive | undefined, fill: Filler): EffectiveRates {
  const at = 'spec.healthCheck.passive';
  const { slowCall, errorRate } = passive ?? {};
  return {
    ...(slowCall && {
      slowCall: {
        threshold: slowCall.threshold,
        percent: fill.in(`${at}.slowCall.percent`, slowCall.percent, SLOW_PERCENT),
        minCalls: fill.in(`${at}.slowCall.minCalls`, slowCall.minCalls, MIN_CALLS),
      },
    }),
    ...(errorRate && {
      errorRate: {
        percent: errorRate.percent,
        minCalls: fill.in(`${at}.errorRate.minCalls`, errorRate.minCalls, MIN_CALLS),
      },
    }),
  };
}

export function effectiveAdmission(
  admission: Rule['admission'],
  path: string,
  fill: Filler,
): EffectiveAdmission {
  return {
    class: fill.in(`${path}.admission.class`, admission?.class, 'Normal' as const),
    maxWait: fill.in(`${path}.admission.maxWait`, admission?.maxWait, '0s'),
  };
}

export function ratesBody({
  slowCall,
  errorRate,
}: EffectiveRates): Pick<ProviderBody['passive'], 'slowCall' | 'errorRate'> {
  return {
    ...(slowCall && {
      slowCall: {
        thresholdMs: milliseconds(slowCall.threshold),
        percent: slowCall.percent,
        minCalls: slowCall.minCalls,
      },
    }),
    ...(errorRate && { errorRate: { percent: errorRate.percent, minCalls: errorRate.minCalls } }),
  };
}

/** Normal without waiting is how a proxy behaves unless it is told otherwise. */
export function admissionMember({
  class: priority,
  maxWait,
}: EffectiveAdmission): Pick<RuleBody, 'admission'> {
  const maxWaitMs = milliseconds(maxWait);
  return priority === 'Normal' && maxWaitMs === 0 ? {} : { admission: { class: priority, maxWaitMs } };
}

/** As the resource has them. */
type Limits = { [K in keyof LimitsBody]?: number | undefined };

/** Of a provider that inherits: it may ask for less than its base allows, never for more. */
export function lowerOf(a: Limits | undefined, b: Limits | undefined): Limits | undefined {
  if (!a || !b || a === b) return a ?? b;
  const lower: Limits = {};
  for (const name of ['requestsPerMinute', 'tokensPerMinute', 'maxConcurrent'] as const) {
    const least = Math.min(a[name] ?? Number.POSITIVE_INFINITY, b[name] ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(least)) lower[name] = least;
  }
  return lower;
}

/** A member of a body, where there are limits. */
export function limitsMember(limits: Limits | undefined): { limits?: LimitsBody } {
  if (!limits) return {};
  const { requestsPerMinute, tokensPerMinute, maxConcurrent } = limits;
  return {
    limits: {
      ...(requestsPerMinute !== undefined && { requestsPerMinute }),
      ...(tokensPerMinute !== undefined && { tokensPerMinute }),
      ...(maxConcurrent !== undefined && { maxConcurrent }),
    },
  };
}
