/**
 * Claims about the user that the app passes on in a header: the payload of a JWT, or JSON. No signature is checked: whoever
 * can reach the listener on localhost is the app itself, and a claim is its own word. They are for routing, never for access.
 */
import type { ClaimBody } from '../snapshot/shapes/signals.ts';
import { known, type Reading, unknown } from './reading.ts';

/** Longest header that is read. */
const MOST_CHARACTERS = 16 * 1024;
const MOST_ELEMENTS = 256;

type Claims = Readonly<Record<string, unknown>>;
const NONE: Claims = {};

/** `sent`: the header's value; undefined: there is no header, so there are no claims. */
export function readClaims(sent: string | undefined, format: ClaimBody['format']): Reading<Claims> {
  if (sent === undefined) return known(NONE, 'no claims');
  if (sent.length > MOST_CHARACTERS) return unknown(`claims are longer than ${MOST_CHARACTERS} characters`);
  const text = format === 'JWT' ? payloadOf(sent) : jsonOf(sent);
  const value = text === undefined ? undefined : parsed(text);
  return value
    ? known(value, 'claims')
    : unknown(`the header holds no ${format === 'JWT' ? 'JWT' : 'JSON object'}`);
}

/** The values of a claim as text: of a list, its elements. */
export function claimValues(claims: Claims, path: readonly string[]): string[] {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return [];
    value = (value as Record<string, unknown>)[name];
  }
  const values = Array.isArray(value) ? value.slice(0, MOST_ELEMENTS) : [value];
  return values.flatMap((one) => {
    if (typeof one === 'string') return [one];
    return typeof one === 'number' || typeof one === 'boolean' ? [String(one)] : [];
  });
}

/** The middle one of three parts; a scheme before the token is left out. */
function payloadOf(sent: string): string | undefined {
  const token = sent.slice(sent.lastIndexOf(' ') + 1);
  const parts = token.split('.');
  return parts.length === 3 && parts[1] ? Buffer.from(parts[1], 'base64url').toString('utf8') : undefined;
}

function jsonOf(sent: string): string {
  const text = sent.trim();
  return text.startsWith('{') ? text : Buffer.from(text, 'base64').toString('utf8');
}

function parsed(text: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}
