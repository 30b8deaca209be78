/** Whom a policy tells of alerts besides the Events it writes. */
import { z } from 'zod';
import { cel, headerName, matching, objectName, secretRef } from '../common.ts';

const webhookURL = matching(
  /^https:\/\/[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(\/[A-Za-z0-9._~%/-]*)?$/,
  'an https URL without user, query and fragment',
  9,
  1024,
);

export const alerts = z
  .strictObject({
    webhook: z
      .strictObject({
        url: webhookURL.describe(
          'Where alerts are sent as JSON, by POST. The operator dials it only where its egressHosts list the host.',
        ),
        secretRef: secretRef
          .optional()
          .describe(
            'A key that the receiver knows. Without header, it signs what is sent: x-outrider-signature is `sha256=` and the HMAC in hexadecimal digits, of the time in x-outrider-timestamp, a full stop and the body.',
          ),
        header: headerName
          .optional()
          .describe('Header in which the key itself is sent, such as authorization; nothing is signed then.'),
      })
      .meta(
        cel({
          rule: '!has(self.header) || has(self.secretRef)',
          message: 'header needs secretRef: its value comes from a Secret',
          fieldPath: '.header',
        }),
      )
      .describe('Counts only in platform namespaces.'),
  })
  .optional()
  .describe('Whom to tell of alerts of budgets, besides Events and metrics. Unset: nobody.');

export const routeRef = z.strictObject({
  kind: z.enum(['LLMRoute']).describe('Kind of the object.'),
  name: objectName.describe('Name of the route, in each namespace that the policy is for.'),
});
