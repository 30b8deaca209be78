/** The rule by which one target is asked something on our own account. */
import type { RuleBody, TargetBody } from '../snapshot/schema.ts';

/** What requests of our own are for. A closed list: it labels metrics. */
export type Purpose =
  | 'Intents'
  | 'Classifier'
  | 'Cache'
  | 'Summary'
  | 'Mirror'
  | 'HealthCheck'
  | 'Batch'
  | 'Async';

/** Between the id of a request and the number of one of our own that is made on its behalf. */
const CHILD = '~';

/** `parent`: id of the request on whose behalf it is made; `count` tells it from others. */
export const innerId = (parent: string | undefined, count: number): string =>
  `${parent ?? ''}${CHILD}${count.toString(36)}`;

/** On whose behalf the request of that id was made; undefined: nobody's. */
export function parentOf(id: string): string | undefined {
  const end = id.indexOf(CHILD);
  return end <= 0 ? undefined : id.slice(0, end);
}

/** Their rules. No rule of a route can be named so: names of rules have no dots. */
export const INTERNAL_RULES: Readonly<Record<Purpose, string>> = {
  Intents: 'signals.intents',
  Classifier: 'signals.classifier',
  Summary: 'context.summarize',
  Cache: 'cache.semantic',
  Mirror: 'experiment.mirror',
  HealthCheck: 'healthcheck.active',
  Batch: 'batch.line',
  Async: 'async.request',
};

const CONNECT_MS = 3000;
/** Another key of the same provider, or one more try. */
const MAX_ATTEMPTS = 2;

/** `timeoutMs` is for everything, so no single attempt is cut short by a share of it. */
export function internalRule(purpose: Purpose, target: TargetBody, timeoutMs: number): RuleBody {
  return {
    name: INTERNAL_RULES[purpose],
    matches: [],
    strategy: { type: 'Weighted' },
    targets: [target],
    failover: {
      on: ['Connect', 'RateLimited', 'ServerError', 'StreamError', 'Unauthorized', 'QuotaExhausted'],
      maxAttempts: MAX_ATTEMPTS,
      backoff: { baseMs: 50, maxMs: 200 },
    },
    timeouts: {
      connectMs: Math.min(CONNECT_MS, timeoutMs),
      firstTokenMs: timeoutMs,
      interTokenMs: timeoutMs,
      attemptMs: timeoutMs,
      requestMs: timeoutMs,
      clientStallMs: timeoutMs,
    },
    holdMaxMs: timeoutMs,
    passthrough: [],
    statefulTarget: 0,
    forwardHeaders: [],
  };
}
