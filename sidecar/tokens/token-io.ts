/** What minting needs of the world, what it makes of answers, and how it fails. */
import type { Minted } from './mint.ts';

export interface TokenCall {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

export interface TokenAnswer {
  status: number;
  body: string;
}

export interface TokenIO {
  /** Rejects where the address may not be dialled, or nobody answers. */
  call(call: TokenCall): Promise<TokenAnswer>;
  /** Trimmed text of a file. Projected tokens are replaced in place, so it is read each time. */
  readFile(path: string): Promise<string>;
  /** Undefined: unset or empty. */
  env(name: string): string | undefined;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Its message says what failed and never holds a secret, a token or the text of an answer. */
export class MintError extends Error {
  override readonly name = 'MintError';
}

/** An answer's JSON; what clouds say in refusals is cut to the word that stands for it. */
export function readAnswer(what: string, { status, body }: TokenAnswer): Record<string, unknown> {
  const value = parsed(body);
  if (status >= 200 && status < 300 && value !== undefined) return value;
  throw new MintError(`${what} answered with status ${status}${wordOf(value)}`);
}

/** `invalid_grant`, `AADSTS...`, `PERMISSION_DENIED`: words of the protocols, never free text. */
function wordOf(value: Record<string, unknown> | undefined): string {
  const error = value?.error;
  const word =
    typeof error === 'object' && error !== null ? (error as Record<string, unknown>).status : error;
  return typeof word === 'string' && /^[A-Za-z_]{1,64}$/.test(word) ? ` (${word})` : '';
}

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `expires_in` in seconds, as a number or in digits, as a time; undefined where there is none. */
export function expiry(seconds: unknown, now: number): number | undefined {
  const number = typeof seconds === 'string' && /^\d{1,9}$/.test(seconds) ? Number(seconds) : seconds;
  return typeof number === 'number' && number > 0 ? now + number * 1000 : undefined;
}

/** A bearer token that `host` answered with; throws where it, or its end, is missing. */
export function minted(host: string, value: string | undefined, expiresAt: number | undefined): Minted {
  if (value === undefined || expiresAt === undefined) throw new MintError(`${host} answered without a token`);
  return { value, expiresAt };
}

/** RFC 3339 as a time; where that cannot be read, the end of so many seconds from now. */
export function endOf(stated: unknown, seconds: number, now: number): number {
  const end = Date.parse(text(stated) ?? '');
  return Number.isNaN(end) ? now + seconds * 1000 : end;
}

export const form = (fields: Record<string, string | undefined>): string =>
  Object.entries(fields)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');

export const FORM_HEADERS = {
  'content-type': 'application/x-www-form-urlencoded',
  accept: 'application/json',
} as const;

/** Reads a file that the environment names; the variable is what a user must set, so the message says it. */
export async function readToken(io: TokenIO, variable: string, fallback?: string): Promise<string> {
  const path = io.env(variable) ?? fallback;
  if (path === undefined) throw new MintError(`${variable} is not set, so there is no token to show`);
  let token: string;
  try {
    token = (await io.readFile(path)).trim();
  } catch {
    throw new MintError(`the token file ${path} (${variable}) cannot be read`);
  }
  if (token === '') throw new MintError(`the token file ${path} (${variable}) is empty`);
  return token;
}
