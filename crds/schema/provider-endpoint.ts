/** Where a provider is called. */
import { z } from 'zod';
import { cel, header, mapList, matching } from '../common.ts';

const url = matching(
  /^https?:\/\/([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\/[A-Za-z0-9._~/%-]*)?$/,
  'an http or https URL with the version path, such as https://api.openai.com/v1, without user, query and fragment',
  8,
  2048,
);

export const endpoint = z
  .strictObject({
    url: url
      .optional()
      .describe(
        'Base URL with the version path, such as `https://api.openai.com/v1`; the paths of the API are appended. No user, query or fragment. Unset: the default URL of the type.',
      ),
    headers: z
      .array(header)
      .max(32)
      .optional()
      .describe(
        'Headers sent with every request to this provider, such as an organisation or a region; for anything but credentials.',
      )
      .meta(mapList('name')),
    tls: z
      .strictObject({
        caBundle: z
          .string()
          .min(1)
          .max(131_072)
          .optional()
          .describe('PEM certificates that sign the certificate of the endpoint, besides the system roots.')
          .meta(
            cel({
              rule: "self.matches('-----BEGIN CERTIFICATE-----')",
              message: 'must hold at least one certificate in PEM form (-----BEGIN CERTIFICATE-----)',
            }),
          ),
      })
      .optional()
      .describe('How the endpoint proves who it is.'),
  })
  .meta(
    cel({
      rule: "!has(self.tls) || !has(self.url) || self.url.startsWith('https://')",
      message: 'tls needs an https URL',
      fieldPath: '.tls',
    }),
  );
