/** What a provider does with what it is sent, and where it is. */
import { z } from 'zod';
import { dnsLabel, matching, setList } from '../common.ts';

export const place = matching(
  /^[A-Z][A-Z0-9-]*$/,
  'a place in capitals, such as EU, US or DE: the words are your own, and compared as they are',
  1,
  32,
);
export const retention = matching(/^(None|[1-9][0-9]{0,3}d)$/, 'None, or a number of days such as 30d', 2, 5);
const classification = matching(
  /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  'a label such as Confidential: letters, digits, "-", "_" and ".", with a letter or digit first and last',
  1,
  63,
);

/** Such as eu-central-1. */
export const region = dnsLabel;

export const dataPolicy = z.strictObject({
  residency: z
    .array(place)
    .min(1)
    .max(16)
    .optional()
    .describe('Every place in which what is sent is processed or kept, such as EU. Unset: not known.')
    .meta(setList),
  retention: retention
    .optional()
    .describe('How long what is sent is kept: None, or days such as 30d. Unset: not known.'),
  training: z
    .enum(['Never', 'Allowed'])
    .optional()
    .describe('Whether models are trained on what is sent. Unset: not known.'),
  classifications: z
    .array(classification)
    .min(1)
    .max(32)
    .optional()
    .describe(
      'Labels of the requests that may be sent here, such as Internal, in upper or lower case. A request with a label goes to no provider that does not list it. Unset: only requests without a label.',
    )
    .meta(setList),
});
