/**
 * What is unset in a resource. CRDs carry no defaults, so that policies can tell unset from set; every default lives here,
 * is applied by `compile`, and is printed by `explain --effective`.
 */
import type { FailureClass, LLMRouteSpec } from '../../crds/llmroute.ts';
import {
  type ProviderParameters,
  type ProviderTypeName,
  TYPE_DEFAULTS,
} from '../../sidecar/snapshot/provider-types.ts';
import { milliseconds } from './durations.ts';

type Rule = LLMRouteSpec['rules'][number];
type RuleDefaults = {
  timeouts: Required<Omit<NonNullable<Rule['timeouts']>, 'learned' | 'stall'>>;
  backoff: { base: string; max: string };
  holdMax: string;
};

export const RULE: RuleDefaults = {
  timeouts: {
    connect: '3s',
    firstToken: '60s',
    interToken: '60s',
    attempt: '10m',
    request: '15m',
    clientStall: '5m',
  },
  backoff: { base: '100ms', max: '2s' },
  holdMax: '5s',
};

/** All but ContextWindow and ContentFilter, which may change what the caller gets. */
export const FAILOVER_ON: readonly FailureClass[] = [
  'Connect',
  'Timeout',
  'RateLimited',
  'ServerError',
  'StreamError',
  'Unauthorized',
  'QuotaExhausted',
  'ModelNotFound',
];

const MOST_ATTEMPTS = 3;
/** One attempt per target and key, three at most. */
export const maxAttempts = (keys: number): number => Math.min(keys, MOST_ATTEMPTS);

export const PASSIVE = { consecutiveErrors: 5, ejectionTime: '5s', maxEjectionTime: '2m' };
/** Undefined where only the resource can say it. */
export function endpointURL(type: ProviderTypeName, parameters: ProviderParameters): string | undefined {
  // Vertex AI has one host without a place before it.
  if (type === 'VertexAI' && parameters.location === 'global') return 'https://aiplatform.googleapis.com/v1';
  return TYPE_DEFAULTS[type].url?.replace(
    /\{(\w+)\}/g,
    (_, name: keyof ProviderParameters) => parameters[name] ?? '',
  );
}

/** The longer of two durations: a limit left unset is never below the value it limits. */
export const atLeast = (limit: string, value: string): string =>
  milliseconds(limit) >= milliseconds(value) ? limit : value;

/** Fills in what is unset and remembers where. */
export class Filler {
  readonly defaulted: string[] = [];

  in<T>(path: string, value: T | undefined, unset: T): T {
    if (value !== undefined) return value;
    this.defaulted.push(path);
    return unset;
  }
}
