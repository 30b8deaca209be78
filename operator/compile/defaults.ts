/**
 * What is unset in a resource. CRDs carry no defaults, so that policies can tell unset from set; every default lives here,
 * is applied by `compile`, and is printed by `explain --effective`.
 */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { FailureClass, LLMRouteSpec } from '../../crds/llmroute.ts';
import { milliseconds } from './durations.ts';

type Rule = LLMRouteSpec['rules'][number];
type RuleDefaults = {
  timeouts: Required<NonNullable<Rule['timeouts']>>;
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
/** One attempt per target, three at most. */
export const maxAttempts = (targets: number): number => Math.min(targets, MOST_ATTEMPTS);

export const PASSIVE = { consecutiveErrors: 5, ejectionTime: '5s', maxEjectionTime: '2m' };
export const ENDPOINT_URL: Record<LLMProviderSpec['type'], string | undefined> = {
  OpenAI: 'https://api.openai.com/v1',
  OpenAICompatible: undefined,
};
export const STREAM_USAGE: Record<LLMProviderSpec['type'], NonNullable<LLMProviderSpec['streamUsage']>> = {
  OpenAI: 'OnRequest',
  OpenAICompatible: 'OnRequest',
};

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
