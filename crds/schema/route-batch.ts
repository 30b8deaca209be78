/** What apps may hand in to be answered later: batches, and single requests whose answers they come back for. */
import { z } from 'zod';
import { cel, duration, matching, secretRef, setList } from '../common.ts';
import { timeZone } from './time-zone.ts';

const time = matching(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'a time of day such as 22:00', 5, 5);

const window = z
  .strictObject({
    start: time.describe('When it opens, every day.'),
    end: time.describe('When it closes; a time before start is on the next day.'),
    timeZone: timeZone.optional().describe('By whose clocks. Unset: UTC.'),
  })
  .meta(
    cel({
      rule: 'self.start != self.end',
      message: 'start and end must differ; leave window out for the whole day',
      fieldPath: '.end',
    }),
  );

export const batch = z
  .strictObject({
    mode: z
      .enum(['Emulated', 'Native', 'Auto'])
      .optional()
      .describe(
        "Emulated: the proxy sends line by line, as ordinary requests of class Batch. Native: the provider's own batch API does the work; a batch whose lines cannot all go to one provider that has it is refused. Auto: Native where all lines can go to one such provider of type OpenAI, Groq or Anthropic and nowhere else, else Emulated. Unset: Auto.",
      ),
    window: window.optional().describe('When lines are sent; outside it a batch rests. Unset: at any time.'),
    maxConcurrent: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Lines of batches that one proxy has under way at once. Unset: 4.'),
    maxRequests: z.int().min(1).max(50_000).optional().describe('Lines of one batch. Unset: 50000.'),
    maxBytes: z
      .int()
      .min(1024)
      .max(209_715_200)
      .optional()
      .describe('Bytes of the input of one batch. Unset: 104857600.'),
    expiresAfter: duration
      .optional()
      .describe(
        'From its creation; lines that are not answered by then are not sent any more, and the batch ends as expired. Unset: 24h.',
      ),
  })
  .optional()
  .describe(
    'Lets lines of batches (/v1/files and /v1/batches) go by this rule; the proxy keeps them where --spool-dir or --spool-url says. Unset: it takes none.',
  );

export const deferred = z
  .strictObject({
    expiresAfter: duration
      .optional()
      .describe('From the request; an answer is tried for and kept that long. Unset: 24h.'),
    webhook: z
      .strictObject({
        hosts: z
          .array(
            matching(
              /^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
              'a host name in lower case, or "*." and one',
              1,
              253,
            ),
          )
          .min(1)
          .max(16)
          .describe(
            'Hosts that apps may name in x-outrider-webhook; `*.example.com` is every name below example.com. Only https, and only public addresses.',
          )
          .meta(setList),
        secretRef: secretRef.describe(
          'Signs what is sent: HMAC-SHA256, as Standard Webhooks has it. In the namespace of the route, and labelled like those of providers.',
        ),
      })
      .optional()
      .describe('Who may be told when an answer is there. Unset: nobody; apps ask for it.'),
  })
  .optional()
  .describe(
    'Lets requests with the header `prefer: respond-async` be answered with 202 and an id; GET /v1/async/ID gives the answer. The proxy keeps them where --spool-dir or --spool-url says. Unset: such a request is answered as any other.',
  );
