/** The reference page of the provider types, as text. */
import { PROVIDER_TYPE_NAMES, TYPE_DEFAULTS, type TypeDefaults } from '../snapshot/provider-types.ts';
import { PRICED_TIERS } from '../snapshot/schema.ts';
import type { AuthScheme, ProviderType, Spoken } from './provider-type.ts';
import { PROVIDER_TYPES } from './types.ts';

const HEAD = `# Provider types

What Outrider knows of each vendor. A type is data: where the vendor is, how it takes keys, which wire formats it speaks and where, how it
differs from the format's inventor, where it says when to come back. What its errors mean is in [failures.md](failures.md).

- **Default URL**: of \`endpoint.url\`; where there is none, the resource must say it. \`{region}\` and the like are parameters of the provider.
- **Stream usage**: \`Always\`: streams carry usage unasked. \`OnRequest\`: Outrider asks for it, and hides it from callers that did not.
- **Any model**: without a list of models any name may be asked for; otherwise those of the price catalogue.
- A request goes through byte for byte where the vendor speaks the caller's dialect. Otherwise it is translated into the first chat dialect of the list.
- \`{model}\` in a path is the vendor's name of the model. A path marked "from the host" stands below the host, whatever path the URL has.
- **Tiers of service** (\`service_tier\` and the like) are billed as the answer says it was served. Their prices come from \`pricing[].serviceTier\`, else they are the share of the standard price that stands below; otherwise the cost is unknown. Where one was asked for and the answer does not say, the cost is an estimate: the dearer of it and the standard one.
- Credentials of a cloud are sent as \`authorization: Bearer\`, or sign the request at AWS; keys never stand in a URL.

`;

/** Markdown of \`docs/reference/providers.md\`. */
export function providersPage(): string {
  return HEAD + overview() + PROVIDER_TYPE_NAMES.map((name) => section(PROVIDER_TYPES[name])).join('');
}

function overview(): string {
  const rows = PROVIDER_TYPE_NAMES.map((name) => {
    const { url, streamUsage, openModels } = TYPE_DEFAULTS[name];
    const type = PROVIDER_TYPES[name];
    const dialects = [...new Set(allSpoken(type).map(({ dialect }) => dialect))].join(', ');
    const where = url === undefined ? 'none' : `\`${url}\``;
    return `| [${name}](#${name.toLowerCase()}) | ${where} | ${dialects} | ${streamUsage} | ${openModels ? 'yes' : 'no'} |\n`;
  });
  return `| Type | Default URL | Dialects | Stream usage | Any model |\n|---|---|---|---|---|\n${rows.join('')}`;
}

const allSpoken = ({ speaks, variants = [] }: ProviderType): readonly Spoken[] => [
  ...speaks,
  ...variants.flatMap(({ type }) => type.speaks),
];

function section(type: ProviderType): string {
  const { cloud } = TYPE_DEFAULTS[type.name];
  const lines = [
    `- Key: ${scheme(type.auth)}${CLOUDS[cloud ?? 'none']}`,
    `- Headers of the caller that pass: ${names(type.requestHeaders)}${type.accountHeaders.size > 0 ? `; beside the caller's own key: ${names(type.accountHeaders)}` : ''}`,
    `- Headers of the answer that pass: ${names(type.responseHeaders)}`,
    `- Id of the request: \`${type.requestIdHeader}\``,
    ...(type.serviceTierHeader ? [`- Tier of service: \`${type.serviceTierHeader}\``] : []),
    `- When to come back: ${comesBack(type)}`,
    `- Idle connections are kept for ${type.idleSocketMs / 1000} s`,
    ...discounts(TYPE_DEFAULTS[type.name]),
    ...(type.billsAfterDisconnect ? ['- It goes on, and bills, after the connection is gone'] : []),
    ...(type.webSocketPaths.length > 0 ? [`- Sockets: ${names(type.webSocketPaths)}`] : []),
  ];
  return `\n## ${type.name}\n\n${lines.join('\n')}\n\n${dialects(type)}`;
}

/** Of tiers of service that no resource has prices for. */
function discounts({ discounts: all = {} }: TypeDefaults): string[] {
  const shares = PRICED_TIERS.flatMap((tier) => {
    const discount = all[tier];
    if (discount === undefined) return [];
    const { times, over, uncachedOnly } = discount;
    const share = times === over ? 'the standard price' : `${times}/${over} of it`;
    return [`\`${tier}\` ${share}${uncachedOnly ? ', but unknown with tokens read from a cache' : ''}`];
  });
  return shares.length > 0 ? [`- Tiers of service beside the standard price: ${shares.join('; ')}`] : [];
}

const CLOUDS = {
  none: '',
  AWS: '; or signed with Signature Version 4 for `AWSKeys` and `AWSWebIdentity`',
  Google: '; or `authorization: Bearer` with a token for `GoogleServiceAccount` and `GoogleWorkloadIdentity`',
  Azure: '; or `authorization: Bearer` with a token for `AzureClient` and `AzureWorkloadIdentity`',
};

function dialects(type: ProviderType): string {
  const rows = [
    ...type.speaks.map((spoken) => row(spoken, '')),
    ...(type.variants ?? []).flatMap(({ models, datedVersion, type: { speaks } }) => {
      const when = [
        ...(models ? [`models ${models.map((start) => `\`${start}*\``).join(', ')}`] : []),
        ...(datedVersion ? ['`apiVersion` is a date'] : []),
      ].join(', ');
      return speaks.map((spoken) => row(spoken, when));
    }),
  ];
  return `| Dialect | Path | Differs |\n|---|---|---|\n${rows.join('')}`;
}

function row(spoken: Spoken, when: string): string {
  const { dialect, path, streamPath, fromHost, auth, headers = [], quirks = {} } = spoken;
  const stream = streamPath === undefined ? '' : `; streams \`${streamPath}\``;
  const differs = [
    ...(when === '' ? [] : [`where ${when}`]),
    ...(auth ? [`key: ${scheme(auth)}`] : []),
    ...headers.map(([name, value]) => `\`${name}: ${value}\` unless the caller says another`),
    ...Object.entries(quirks).map(([quirk, value]) => `${quirk} ${shown(value)}`.trim()),
  ].join('; ');
  return `| ${dialect} | \`${path}\`${fromHost ? ' from the host' : ''}${stream} | ${differs} |\n`;
}

function comesBack({ retryAfter: { milliseconds, resets, inBody } }: ProviderType): string {
  return [
    '`retry-after`',
    ...milliseconds.map((name) => `\`${name}\``),
    ...resets.map(({ remaining, reset }) =>
      remaining === undefined ? `\`${reset}\`` : `\`${reset}\` where \`${remaining}\` is 0`,
    ),
    ...(inBody ? ['`retryDelay` in the body'] : []),
  ].join(', ');
}

const scheme = ({ header, prefix }: AuthScheme): string => `\`${header}: ${prefix}…\``;
const names = (list: Iterable<string>): string => [...list].map((name) => `\`${name}\``).join(', ');

function shown(value: unknown): string {
  if (value === true) return '';
  return Array.isArray(value) ? names(value as string[]) : `\`${String(value)}\``;
}
