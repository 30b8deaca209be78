/** Spilling over, preference of a region and active checks: from the words of the resource to those of the snapshot. */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { ProviderBody, RuleBody, TargetBody } from '../../sidecar/snapshot/schema.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';

type Rule = LLMRouteSpec['rules'][number];
type Active = NonNullable<NonNullable<LLMProviderSpec['healthCheck']>['active']>;
export type EffectiveActive = Pick<Active, 'path' | 'model'> & Required<Omit<Active, 'path' | 'model'>>;

const ACTIVE = { interval: '10s', timeout: '2s', unhealthyAfter: 3, healthyAfter: 2 };
/** A model is asked less often, since each answer costs something, and takes longer. */
const ACTIVE_MODEL = { ...ACTIVE, interval: '1m', timeout: '10s' };

export function effectiveActive(active: Active | undefined, fill: Filler): EffectiveActive | undefined {
  if (!active) return undefined;
  const at = 'spec.healthCheck.active';
  const unset = active.model === undefined ? ACTIVE : ACTIVE_MODEL;
  return {
    ...(active.path !== undefined && { path: active.path }),
    ...(active.model !== undefined && { model: active.model }),
    interval: fill.in(`${at}.interval`, active.interval, unset.interval),
    timeout: fill.in(`${at}.timeout`, active.timeout, unset.timeout),
    unhealthyAfter: fill.in(`${at}.unhealthyAfter`, active.unhealthyAfter, unset.unhealthyAfter),
    healthyAfter: fill.in(`${at}.healthyAfter`, active.healthyAfter, unset.healthyAfter),
  };
}

export function activeMember(active: EffectiveActive | undefined): Pick<ProviderBody, 'active'> {
  if (!active) return {};
  const { path, model, interval, timeout, unhealthyAfter, healthyAfter } = active;
  return {
    active: {
      ...(path !== undefined && { path }),
      ...(model !== undefined && { model }),
      intervalMs: milliseconds(interval),
      timeoutMs: milliseconds(timeout),
      unhealthyAfter,
      healthyAfter,
    },
  };
}

export function spilloverMember({ spillover }: Rule['targets'][number]): Pick<TargetBody, 'spillover'> {
  if (!spillover) return {};
  const { queueDepth, latency } = spillover;
  return {
    spillover: {
      ...(queueDepth !== undefined && { queueDepth }),
      ...(latency !== undefined && { latencyMs: milliseconds(latency) }),
    },
  };
}

export function localityMember({ locality }: Pick<Rule, 'locality'>): Pick<RuleBody, 'locality'> {
  return locality ? { locality: { prefer: locality.prefer } } : {};
}
