/** What is answered later: from the words of the resource to those of the snapshot. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';

type Rule = LLMRouteSpec['rules'][number];
type Batch = NonNullable<Rule['batch']>;
type Async = NonNullable<Rule['async']>;
export interface EffectiveLater {
  batch?: { [K in Exclude<keyof Batch, 'window'>]-?: NonNullable<Batch[K]> } & {
    window?: Required<NonNullable<Batch['window']>>;
  };
  async?: { expiresAfter: string; webhook?: NonNullable<Async['webhook']> };
}

const EXPIRES = '24h';

export function effectiveLater(
  { batch, async: deferred }: Pick<Rule, 'batch' | 'async'>,
  path: string,
  fill: Filler,
): EffectiveLater {
  const unset = <T>(name: string, value: T | undefined, value0: T): T =>
    fill.in(`${path}.${name}`, value, value0);
  return {
    ...(batch && {
      batch: {
        mode: unset('batch.mode', batch.mode, 'Auto' as const),
        maxConcurrent: unset('batch.maxConcurrent', batch.maxConcurrent, 4),
        maxRequests: unset('batch.maxRequests', batch.maxRequests, 50_000),
        maxBytes: unset('batch.maxBytes', batch.maxBytes, 104_857_600),
        expiresAfter: unset('batch.expiresAfter', batch.expiresAfter, EXPIRES),
        ...(batch.window && {
          window: {
            ...batch.window,
            timeZone: unset('batch.window.timeZone', batch.window.timeZone, 'UTC'),
          },
        }),
      },
    }),
    ...(deferred && {
      async: {
        expiresAfter: unset('async.expiresAfter', deferred.expiresAfter, EXPIRES),
        ...(deferred.webhook && { webhook: deferred.webhook }),
      },
    }),
  };
}

/** Id under which a sidecar finds what signs the webhooks of a rule. Those of providers begin with a namespace and have two slashes. */
export const webhookSecret = (route: string, rule: string): string => `${route}/${rule}/webhook`;

/** @param route its id, such as `route/shop/assistant` */
export function laterMembers(
  { name, batch, async: deferred }: EffectiveLater & { name: string },
  route: string,
): Pick<RuleBody, 'batch' | 'async'> {
  return {
    ...(batch && {
      batch: {
        mode: batch.mode,
        maxConcurrent: batch.maxConcurrent,
        maxRequests: batch.maxRequests,
        maxBytes: batch.maxBytes,
        expiresAfterMs: milliseconds(batch.expiresAfter),
        ...(batch.window && {
          window: {
            startMinute: minuteOf(batch.window.start),
            endMinute: minuteOf(batch.window.end),
            timeZone: batch.window.timeZone,
          },
        }),
      },
    }),
    ...(deferred && {
      async: {
        expiresAfterMs: milliseconds(deferred.expiresAfter),
        ...(deferred.webhook && {
          webhook: { hosts: [...deferred.webhook.hosts], secret: webhookSecret(route, name) },
        }),
      },
    }),
  };
}

function minuteOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}
