/** Limits of rates of rules and policies: from the words of the resource to those of the snapshot, with every default applied. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import type { RateKeyPart, RateLimitBody } from '../../sidecar/snapshot/shapes/rate-limits.ts';
import { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';

export type RateLimit = NonNullable<LLMRouteSpec['rules'][number]['rateLimits']>[number];
type KeyPart = NonNullable<RateLimit['key']>[number];
type Defaulted = 'key' | 'maxKeys' | 'onExceeded';
export type EffectiveRateLimit = Omit<RateLimit, Defaulted> & {
  [K in Defaulted]-?: NonNullable<RateLimit[K]>;
};

export const effectiveRateLimits = (
  limits: readonly RateLimit[] | undefined,
  path: string,
  fill: Filler,
): EffectiveRateLimit[] =>
  (limits ?? []).map((limit, i) => {
    const at = `${path}[${i}]`;
    const onExceeded = fill.in(`${at}.onExceeded`, limit.onExceeded, 'Reject' as const);
    return {
      ...limit,
      key: fill.in(`${at}.key`, limit.key, []),
      maxKeys: fill.in(`${at}.maxKeys`, limit.maxKeys, 1000),
      onExceeded,
      ...(onExceeded === 'Wait' && { maxWait: fill.in(`${at}.maxWait`, limit.maxWait, '10s') }),
    };
  });

/** @param key of the policy, such as `platform/teams` */
export const policyRateLimits = (key: string, limits: readonly RateLimit[] | undefined): RateLimitBody[] =>
  effectiveRateLimits(limits, 'spec.overrides.rateLimits', new Filler()).map((limit) =>
    rateLimitBody(`policy/${key}`, limit),
  );

/** A member of a rule's body. `owner`: such as `route/shop/assistant/chat`; `required`: of policies. */
export function rateLimitsMember(
  owner: string,
  limits: readonly EffectiveRateLimit[] | undefined,
  required: readonly RateLimitBody[],
): Pick<RuleBody, 'rateLimits'> {
  const all = [...(limits ?? []).map((limit) => rateLimitBody(owner, limit)), ...required];
  return all.length > 0 ? { rateLimits: all } : {};
}

function rateLimitBody(owner: string, limit: EffectiveRateLimit): RateLimitBody {
  const { name, requests, tokens, per, burst, concurrency, key, maxKeys, fair, maxWait } = limit;
  const amount = requests ?? tokens;
  return {
    id: `${owner}/${name}`,
    ...(amount !== undefined &&
      per !== undefined && {
        rate: {
          of: requests === undefined ? ('Tokens' as const) : ('Requests' as const),
          amount,
          per,
          ...(burst !== undefined && { burst }),
        },
      }),
    ...(concurrency !== undefined && { concurrency }),
    key: key.map(keyPart),
    maxKeys,
    ...(fair && {
      fair: {
        by: fair.by.map(keyPart),
        weights: (fair.weights ?? []).map(({ value, weight }) => ({ value, weight })),
      },
    }),
    maxWaitMs: maxWait === undefined ? 0 : milliseconds(maxWait),
  };
}

const keyPart = ({ by, header }: KeyPart): RateKeyPart =>
  by === 'Header' ? { by, header: (header ?? '').toLowerCase() } : { by };
