/** A budget: how much may be spent, by whom, in which time, and what happens then. The same on routes and on policies. */
import { z } from 'zod';
import {
  atomicList,
  cel,
  decimal,
  dnsLabel,
  durationOrZero,
  headerName,
  mapList,
  setList,
} from '../common.ts';
import { keyHeader } from './key-header.ts';
import { timeZone } from './time-zone.ts';

/** Sums are kept in nano-USD; more than a billion dollars is a mistake of units. */
const amount = decimal.describe('US dollars as a decimal string, such as "250" or "0.50".');

const keyPart = z
  .strictObject({
    by: z
      .enum(['Namespace', 'Workload', 'Header', 'Model', 'Provider'])
      .describe(
        "Namespace: of the pod that calls. Workload: the Deployment, StatefulSet, DaemonSet or Job that owns it. Header: a header of the caller's request. Model: the model that serves. Provider: the provider that serves.",
      ),
    header: headerName
      .optional()
      .describe('Name of the header; for by Header. A request without it has an empty value.'),
  })
  .meta(cel(keyHeader));

const period = z
  .strictObject({
    unit: z.enum(['Hour', 'Day', 'Week', 'Month']).describe('Length of the window. Weeks begin on Mondays.'),
    rolling: z
      .boolean()
      .optional()
      .describe(
        'true: the last 60 minutes, 24 hours, 7 or 30 days, in steps of 5 minutes, an hour, 6 hours or a day. Unset: false, the windows of the calendar.',
      ),
    timeZone: timeZone.optional().describe('Whose calendar. Unset: UTC.'),
  })
  .meta(
    cel({
      rule: '!has(self.rolling) || !self.rolling || !has(self.timeZone)',
      message: 'a rolling window is the same everywhere: leave timeZone out',
      fieldPath: '.timeZone',
    }),
  );

export const budget = z
  .strictObject({
    name: dnsLabel.describe(
      'Name of the budget. What was spent is kept under the names of object and budget until its window ends: deleting and creating it again does not reset it.',
    ),
    amount: amount.describe('US dollars that each key may spend in a window, as a decimal string.'),
    period: period.describe('The window in which the amount may be spent.'),
    key: z
      .array(keyPart)
      .max(4)
      .optional()
      .describe(
        'What spend is told apart by; each combination of values has the amount for itself. Unset: nothing, all spend is one.',
      )
      .meta(atomicList),
    maxKeys: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('Most keys that are told apart in a window; those beyond share one, `_other`. Unset: 1000.'),
    perKey: z
      .array(
        z.strictObject({
          value: z
            .string()
            .min(1)
            .max(512)
            .describe('The key: its values joined by "/", in the order of key.'),
          amount,
        }),
      )
      .max(1000)
      .optional()
      .describe('Amounts of single keys, instead of amount.')
      .meta(mapList('value')),
    enforcement: z
      .enum(['Strict', 'Bounded'])
      .optional()
      .describe(
        'Strict: every attempt reserves the most it can cost, and what has no upper bound is refused; the amount is never exceeded. Bounded: it reserves what it is likely to cost, so what is under way can exceed the amount. Unset: Bounded.',
      ),
    onExhausted: z
      .enum(['Reject', 'Downgrade', 'Throttle', 'Warn'])
      .optional()
      .describe(
        'What happens when nothing is left. Reject: 429 until the window ends. Downgrade: only the cheapest targets of the rule serve, those that cost nothing where they are known; then as Reject. Throttle: requests wait, up to the time they may, for what others give back; then as Reject. Warn: they go on, with a warning. Unset: Reject.',
      ),
    onLedgerUnavailable: z
      .strictObject({
        mode: z
          .enum(['Reject', 'AllowUpTo'])
          .describe(
            'What a sidecar does once its lease is spent while the operator is out of reach. Reject: no request. AllowUpTo: it goes on, up to amount per pod and outage.',
          ),
        amount: amount.optional().describe('US dollars per pod and outage; for AllowUpTo.'),
      })
      .meta(
        cel({
          rule: "self.mode == 'AllowUpTo' ? has(self.amount) : !has(self.amount)",
          message: 'amount is required for AllowUpTo, and must be absent for Reject',
          fieldPath: '.amount',
        }),
      )
      .optional()
      .describe('Unset: Reject.'),
    leaseWait: durationOrZero
      .optional()
      .describe('How long a request waits for a lease where none is in hand. Unset: 200ms. 0s: not at all.'),
    alertAt: z
      .array(z.int().min(1).max(100))
      .max(10)
      .optional()
      .describe(
        'Percentages of the amount at which an Event is written and a metric set, once per key and window. Unset: none.',
      )
      .meta(setList),
  })
  .meta(
    cel(
      {
        rule: "!has(self.enforcement) || self.enforcement != 'Strict' || !has(self.onLedgerUnavailable) || self.onLedgerUnavailable.mode == 'Reject'",
        message:
          'a Strict budget cannot be exceeded while the ledger is out of reach: onLedgerUnavailable must be Reject',
        fieldPath: '.onLedgerUnavailable',
      },
      {
        rule: "!has(self.enforcement) || self.enforcement != 'Strict' || !has(self.onExhausted) || self.onExhausted != 'Warn'",
        message: 'a Strict budget is never exceeded: onExhausted must not be Warn',
        fieldPath: '.onExhausted',
      },
      {
        rule: '!has(self.perKey) || has(self.key)',
        message: 'perKey needs key: without it all spend is one',
        fieldPath: '.perKey',
      },
    ),
  );

/** On a route: the team's own limit. */
export const budgets = z.array(budget).max(8).optional().meta(mapList('name'));
