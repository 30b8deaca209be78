/** What a policy says of routes: defaults where they are silent, overrides where the stricter counts. */
import { z } from 'zod';
import { atomicList, cel, decimal, dnsLabel, objectName } from '../common.ts';
import { rateLimits } from './rate-limit.ts';
import { cache } from './route-cache.ts';
import { demandedDataPolicy } from './route-constraints.ts';
import { rule } from './route-rule.ts';

const { timeouts, failover, commit, admission, responses } = rule.shape;

/** Members have the names that they have in a rule, which they stand in for. */
export const defaults = z
  .strictObject({
    timeouts,
    failover: failover
      .unwrap()
      .omit({ to: true })
      .optional()
      .describe('What happens when a target fails before its first content.'),
    commit,
    admission,
    responses,
    rateLimits: rateLimits.describe('Limits of rules that have none of their own, each rule for itself.'),
    cache: z
      .strictObject(cache.shape)
      .omit({ mode: true, semantic: true })
      .optional()
      .describe(
        'Answers that are given again. With `exact`, rules that say nothing of a cache keep them too, and those with `mode: Disabled` do not; without, only how rules keep them that do.',
      ),
  })
  .optional()
  .describe(
    'Values for rules that say nothing themselves, field by field. Among policies, one of the namespace of the route goes before one of the platform, one that names the route before one for all, and an older one before a newer one.',
  );

const allowedProvider = z.strictObject({
  name: objectName.describe('Name of the provider.'),
  namespace: dnsLabel.optional().describe('Its namespace. Unset: that of the policy.'),
});

export const overrides = z
  .strictObject({
    allowedProviders: z
      .array(allowedProvider)
      .max(64)
      .optional()
      .describe(
        'Providers that routes may use, and those that inherit from one by `base`. Targets of any other take no traffic. Empty: none. Of several policies, all must allow it.',
      )
      .meta(atomicList),
    maxOutputTokens: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe(
        'Most that a request may have a model write; a request that asks for more, or does not say, is sent with this. Of several, the smallest counts.',
      ),
    maxCost: decimal
      .optional()
      .describe(
        'Most that one request may be expected to cost at a target, in US dollars, as in constraints of rules. Of several, the smallest counts.',
      ),
    rateLimits: rateLimits.describe(
      'Limits besides those of rules, over all routes of the policy together: a request needs room in every one.',
    ),
    dataPolicy: demandedDataPolicy
      .optional()
      .describe(
        'What providers must do with data, as in constraints of rules. Of several, only places that all allow count, the shortest retention, and training: Never.',
      ),
  })
  .optional()
  .describe('Requirements besides what routes say themselves: the stricter counts, always.')
  .meta(
    cel({
      rule: 'has(self.allowedProviders) || has(self.maxOutputTokens) || has(self.maxCost) || has(self.rateLimits) || has(self.dataPolicy)',
      message: 'needs allowedProviders, maxOutputTokens, maxCost, rateLimits or dataPolicy',
    }),
  );
