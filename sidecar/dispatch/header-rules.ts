/** Which caller headers may travel, whatever a rule or a provider asks for. */

/** Credentials in any form a vendor of ours or theirs takes them. */
const CREDENTIALS = [
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-amz-security-token',
  'cookie',
  'set-cookie',
];

/** About this connection and this message's framing, not about the request. */
const FRAMING = [
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const NEVER_FORWARDED: ReadonlySet<string> = new Set([...CREDENTIALS, ...FRAMING]);
const NEVER_SET: ReadonlySet<string> = new Set(FRAMING);

/** A caller's header that a rule asks to forward. */
export function mayForward(name: string): boolean {
  return !NEVER_FORWARDED.has(name) && !isOurs(name) && !name.startsWith('sec-');
}

/** A header that a provider or target sets by configuration; it may well carry a key of its own. */
export function maySet(name: string): boolean {
  return !NEVER_SET.has(name) && !isOurs(name);
}

/** Nothing of ours reaches a provider, and no provider speaks in our name. */
function isOurs(name: string): boolean {
  return name.startsWith('x-outrider-');
}

/** Query parameters that carry credentials. */
const CREDENTIAL_PARAMETERS: ReadonlySet<string> = new Set([
  'access_token',
  'api-key',
  'api_key',
  'apikey',
  'auth_token',
  'authorization',
  'key',
  'subscription-key',
  'token',
]);

/** The query without its credential parameters; everything else byte for byte. Without the leading `?`. */
export function allowedQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .filter((part) => !CREDENTIAL_PARAMETERS.has(parameterName(part)))
    .join('&');
}

function parameterName(part: string): string {
  const end = part.indexOf('=');
  const name = (end < 0 ? part : part.slice(0, end)).replaceAll('+', ' ');
  try {
    return decodeURIComponent(name).trim().toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}
