/** A rule of a route: when it applies, where requests go, and what happens when a target fails. */
import { z } from 'zod';
import {
  atomicList,
  cel,
  dnsLabel,
  duration,
  durationOrZero,
  forwardableHeaders,
  headerName,
  matching,
  setList,
} from '../common.ts';
import { rateLimits } from './rate-limit.ts';
import { admission } from './route-admission.ts';
import { affinity } from './route-affinity.ts';
import { batch, deferred } from './route-batch.ts';
import { cache } from './route-cache.ts';
import { constraints, onNoTarget } from './route-constraints.ts';
import { context, maxOutputTokens } from './route-context.ts';
import { experiment, experimentRules } from './route-experiment.ts';
import { FAILURE_CLASSES, failoverLists, hedge, learned, retryBudget, stall } from './route-hedging.ts';
import { match } from './route-match.ts';
import { locality, spilloverRule } from './route-outlook.ts';
import { strategy, strategyRules } from './route-strategy.ts';
import { target } from './route-target.ts';
import { unmetered } from './route-unmetered.ts';

const passthroughPrefix = matching(
  /^\/v1(beta)?(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+\/?$/,
  'a path below /v1/ or /v1beta/ such as /v1/files, without query, empty or dot segments',
  5,
  256,
);

export const rule = z
  .strictObject({
    name: dnsLabel.describe('Name of the rule within its route.'),
    matches: z
      .array(match)
      .max(16)
      .optional()
      .describe('When the rule applies: entries are ORed, fields inside one are ANDed. Unset: always.')
      .meta(atomicList),
    strategy,
    targets: z
      .array(target)
      .min(1)
      .max(16)
      .describe('Where requests go: shared out among the targets of the lowest priority, then failing over.')
      .meta({
        ...atomicList,
        ...cel(
          {
            rule: 'self.all(t, self.exists_one(u, u.name == t.name))',
            message: 'target names must be unique within a rule',
          },
          {
            rule: 'self.exists(t, !has(t.weight) || t.weight > 0)',
            message: 'at least one target must have a weight above 0',
          },
          spilloverRule,
        ),
      }),
    constraints,
    onNoTarget,
    locality: locality.optional().describe('Whether it matters where the pod is. Unset: it does not.'),
    failover: z
      .strictObject({
        when: z
          .array(z.enum(FAILURE_CLASSES))
          .max(16)
          .optional()
          .describe(
            'Failures that move on to the next target. Unset: all but ContextWindow and ContentFilter, and those that have a list in `to`. Empty: none.',
          )
          .meta(setList),
        maxAttempts: z
          .int()
          .min(1)
          .max(10)
          .optional()
          .describe(
            'Attempts in all, the first included; a hedge comes on top. Unset: one per target and key of its pool, three at most.',
          ),
        to: failoverLists,
        retryBudget,
        backoff: z
          .strictObject({
            base: durationOrZero
              .optional()
              .describe(
                'Wait before a second attempt at the same provider; doubles, with jitter. Unset: 100ms.',
              ),
            max: durationOrZero.optional().describe('Longest wait. Unset: 2s, or base where that is longer.'),
          })
          .optional()
          .describe('Waits between attempts at the same provider. Another provider is tried at once.'),
      })
      .optional()
      .describe('What happens when a target fails before its first content.')
      .meta(
        cel({
          rule: '!has(self.to) || !has(self.when) || self.to.all(l, l.when.all(c, c in self.when))',
          message: 'failures that have a list must be among failover.when',
          fieldPath: '.to',
        }),
      ),
    hedge,
    timeouts: z
      .strictObject({
        connect: duration.optional().describe('TCP and TLS. Unset: 3s.'),
        firstToken: duration
          .optional()
          .describe(
            'Streams: from sending the request to the first content. Unset: 60s, and learned for targets that reason.',
          ),
        interToken: duration.optional().describe('Streams: between content events. Unset: 60s.'),
        attempt: duration.optional().describe('One attempt, streams included. Unset: 10m.'),
        request: duration.optional().describe('Everything, backoff included. Unset: 15m.'),
        clientStall: duration.optional().describe('How long a caller may not read its response. Unset: 5m.'),
        learned,
        stall,
      })
      .optional()
      .describe('Limits on time.'),
    admission: admission.optional().describe('What happens when no target has headroom for a request.'),
    context,
    maxOutputTokens,
    batch,
    async: deferred,
    rateLimits: rateLimits.describe(
      'How much may be asked through the rule, before anything is sent: in all pods of the fleet together. A request needs room in every one. Unset: no limit.',
    ),
    unmetered,
    commit: z
      .strictObject({
        holdMax: durationOrZero
          .optional()
          .describe(
            'Longest a live stream is held back waiting for its first content, in which time it can still fail over. Unset: 5s.',
          ),
      })
      .optional()
      .describe('When a response is handed to the caller.'),
    passthrough: z
      .array(
        z
          .strictObject({
            methods: z
              .array(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']))
              .min(1)
              .max(5)
              .describe('HTTP methods.')
              .meta(setList),
            pathPrefix: passthroughPrefix.describe(
              'Path prefix, on path segments: `/v1/files` lets through `/v1/files/abc` but not `/v1/filesystem`, `/v1beta/models` what clients of the Gemini API call.',
            ),
          })
          .meta(
            cel({
              rule: "!self.pathPrefix.startsWith('/v1/organization') && !self.pathPrefix.startsWith('/v1/admin')",
              message: 'organization and admin paths are never passed through',
              fieldPath: '.pathPrefix',
            }),
          ),
      )
      .max(32)
      .optional()
      .describe(
        'Paths beyond the modelled ones that this rule lets through unread, to statefulTarget; with tokens and cost unknown. Unset: none.',
      )
      .meta(atomicList),
    statefulTarget: dnsLabel
      .optional()
      .describe(
        'Target that serves passthrough and stateful requests: by configuration, never by health, since only it has the state. Unset: the first target.',
      ),
    responses: z
      .strictObject({
        store: z
          .enum(['AsAsked', 'Never'])
          .optional()
          .describe(
            'Whether providers may keep answers of /v1/responses, as they do unless a request says `store: false`. AsAsked: they may, and such requests go to statefulTarget. Never: `store: false` is sent whatever the request says, and any target may serve it. Unset: AsAsked.',
          ),
      })
      .optional()
      .describe('Requests to /v1/responses.'),
    cache: cache
      .optional()
      .describe('Answers that are given again instead of being asked for again. Unset: none.'),
    affinity: affinity
      .optional()
      .describe(
        'Requests that belong together go to one target and credential. Unset: each goes its own way.',
      ),
    experiment: experiment
      .optional()
      .describe('Traffic split for comparison, copied, or moved over step by step. Unset: none.'),
    forwardHeaders: z
      .array(headerName)
      .max(32)
      .optional()
      .describe(
        'Caller headers sent upstream besides those the provider type allows. Credentials are never forwarded.',
      )
      .meta({ ...setList, ...cel(forwardableHeaders) }),
  })
  .meta(
    cel(
      {
        rule: '!has(self.statefulTarget) || self.targets.exists(t, t.name == self.statefulTarget)',
        message: 'statefulTarget must name a target of this rule',
        fieldPath: '.statefulTarget',
      },
      {
        rule: '!has(self.failover) || !has(self.failover.to) || self.failover.to.all(l, l.targets.all(n, self.targets.exists(t, t.name == n)))',
        message: 'failover.to must name targets of this rule',
        fieldPath: '.failover',
      },
      ...experimentRules,
      ...strategyRules,
    ),
  );
