/** Checks of single values that need more than a shape: patterns, URLs, certificates, JSON values. */
import { X509Certificate } from 'node:crypto';
import { type Check, text, wrong } from './check.ts';
import { compilePattern } from './patterns.ts';

const MAX_PATTERN = 4096;
const MAX_JSON_BYTES = 65_536;

/** RE2 syntax that the engine takes. */
export const pattern: Check = (value, path) => {
  const problem = text(MAX_PATTERN)(value, path);
  if (problem) return problem;
  try {
    compilePattern(value as string);
    return undefined;
  } catch (error) {
    const cause = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'unknown';
    return wrong(path, value, `an RE2 pattern: ${cause}`);
  }
};

/** An absolute http or https URL without credentials, query, fragment or trailing slash. */
export const url: Check = (value, path) => {
  const parsed = typeof value === 'string' && value.length <= 2048 ? URL.parse(value) : null;
  const plain =
    parsed !== null &&
    (parsed.protocol === 'http:' || parsed.protocol === 'https:') &&
    !/[?#@\s\\]/.test(value as string) &&
    !(value as string).endsWith('/');
  if (plain) return undefined;
  const expected = 'an http or https URL without credentials, query, fragment or trailing slash';
  // A URL that is refused for the credentials in it is not repeated.
  return typeof value === 'string' && /[@?]/.test(value)
    ? `${path} must be ${expected}`
    : wrong(path, value, expected);
};

/** One or more PEM certificates that can be read. */
export const certificates: Check = (value, path) => {
  const problem = text(131_072)(value, path);
  if (problem) return problem;
  const blocks = (value as string).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (!blocks) return `${path} holds no PEM certificate`;
  for (const [i, block] of blocks.entries()) {
    if (!readable(block)) return `${path}: certificate ${i + 1} cannot be read`;
  }
  return undefined;
};

function readable(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Any JSON value of at most 64 KiB. */
export const json: Check = (value, path) => {
  let written: string | undefined;
  try {
    written = JSON.stringify(value);
  } catch {
    // A cycle or a depth that no JSON text has; aliases in a YAML manifest can make one.
  }
  return written !== undefined && Buffer.byteLength(written) <= MAX_JSON_BYTES
    ? undefined
    : wrong(path, value, `a JSON value of at most ${MAX_JSON_BYTES} bytes`);
};
