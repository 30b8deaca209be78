/** A limit of a rate: how much may be asked in a time, by whom, and what happens beyond it. The same on rules and on policies. */
import { z } from 'zod';
import { atomicList, cel, dnsLabel, duration, headerName, mapList } from '../common.ts';
import { keyHeader } from './key-header.ts';

const MOST = 1_000_000_000;

const keyPart = z
  .strictObject({
    by: z
      .enum(['Namespace', 'Workload', 'Header'])
      .describe(
        "Namespace: of the pod that calls. Workload: the Deployment, StatefulSet, DaemonSet or Job that owns it. Header: a header of the caller's request.",
      ),
    header: headerName
      .optional()
      .describe('Name of the header; for by Header. A request without it has an empty value.'),
  })
  .meta(cel(keyHeader));

const key = z.array(keyPart).max(4);

const fair = z
  .strictObject({
    by: key.min(1).describe('What tells those apart that share the limit.').meta(atomicList),
    weights: z
      .array(
        z.strictObject({
          value: z
            .string()
            .min(1)
            .max(512)
            .describe('The key: its values joined by "/", in the order of by.'),
          weight: z.int().min(1).max(1000).describe('Parts of the limit, where others have 1.'),
        }),
      )
      .max(100)
      .optional()
      .describe('Unset: all weigh the same.')
      .meta(mapList('value')),
  })
  .optional()
  .describe(
    'Shares the limit fairly between those who are asking: each may always use its part, and beyond that what others leave. Unset: first come, first served.',
  );

const rateLimit = z
  .strictObject({
    name: dnsLabel.describe('Name of the limit.'),
    requests: z
      .int()
      .min(1)
      .max(MOST)
      .optional()
      .describe('Most requests in the time of per. At least one of requests, tokens and concurrency.'),
    tokens: z
      .int()
      .min(1)
      .max(MOST)
      .optional()
      .describe(
        'Most tokens in the time of per, input and output together: estimated as a request comes, corrected as it ends.',
      ),
    per: z
      .enum(['Second', 'Minute', 'Hour', 'Day'])
      .optional()
      .describe('The time: any second, minute, 60 minutes or 24 hours. Required with requests and tokens.'),
    burst: z
      .int()
      .min(1)
      .max(MOST)
      .optional()
      .describe(
        'Most at once: use is spread evenly over the time but for so much. Unset: all of it may be used at once.',
      ),
    concurrency: z.int().min(1).max(100_000).optional().describe('Most requests under way.'),
    key: key
      .optional()
      .describe(
        'What requests are told apart by; each combination of values has the limit for itself. Unset: nothing, they have it together.',
      )
      .meta(atomicList),
    maxKeys: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('Most keys that are told apart; those beyond share one. Unset: 1000.'),
    fair,
    onExceeded: z
      .enum(['Reject', 'Wait'])
      .optional()
      .describe('Reject: 429 with Retry-After. Wait: the request waits, up to maxWait. Unset: Reject.'),
    maxWait: duration
      .optional()
      .describe('How long a request may wait, at most 10m; for onExceeded Wait. Unset: 10s.'),
  })
  .meta(
    cel(
      {
        rule: '!(has(self.requests) && has(self.tokens))',
        message: 'a limit is of requests or of tokens: write two for both',
        fieldPath: '.tokens',
      },
      {
        rule: 'has(self.requests) || has(self.tokens) || has(self.concurrency)',
        message: 'one of requests, tokens and concurrency is required',
      },
      {
        rule: '(has(self.requests) || has(self.tokens)) ? has(self.per) : !has(self.per)',
        message: 'per is required with requests and tokens, and must be absent otherwise',
        fieldPath: '.per',
      },
      {
        rule: '!has(self.burst) || (has(self.requests) && self.burst <= self.requests) || (has(self.tokens) && self.burst <= self.tokens)',
        message: 'burst must be at most the requests or tokens that it is of',
        fieldPath: '.burst',
      },
      {
        rule: '!has(self.fair) || has(self.requests) || has(self.tokens)',
        message: 'fair shares requests or tokens: it needs one of them',
        fieldPath: '.fair',
      },
      {
        rule: "!has(self.maxWait) || (has(self.onExceeded) && self.onExceeded == 'Wait')",
        message: 'maxWait is for onExceeded Wait',
        fieldPath: '.maxWait',
      },
    ),
  );

export const rateLimits = z.array(rateLimit).max(8).optional().meta(mapList('name'));
