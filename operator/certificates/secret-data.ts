/**
 * The keyring as the data of a Secret. `tls.crt`, `tls.key` and `ca.crt` are where everybody looks for them; the rest is what it
 * takes to go on with a rotation wherever it was interrupted.
 */
import { type Keyring, trustBundle } from './keyring.ts';
import { hasSigned, normalPem, readAuthority, readServing } from './read-credential.ts';

/** Values are base64. */
export type SecretData = Readonly<Record<string, string>>;

interface Stored {
  state: Keyring['state'];
  /** RFC 3339. */
  since?: string;
  until?: string;
}

export function toSecretData(keyring: Keyring): SecretData {
  const { serving, signer, state } = keyring;
  const stored: Stored = {
    state,
    ...(keyring.state === 'Introducing' ? { since: new Date(keyring.since).toISOString() } : {}),
    ...(keyring.state === 'Retiring' ? { until: new Date(keyring.until).toISOString() } : {}),
  };
  const texts: Record<string, string> = {
    'tls.crt': serving.cert,
    'tls.key': serving.key,
    'ca.crt': trustBundle(keyring),
    'signer.crt': signer.cert,
    'signer.key': signer.key,
    ...(keyring.state === 'Introducing'
      ? { 'next.crt': keyring.next.cert, 'next.key': keyring.next.key }
      : {}),
    ...(keyring.state === 'Retiring' ? { 'previous.crt': keyring.previous } : {}),
    'state.json': JSON.stringify(stored),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  );
}

/** Throws a sentence that says what is wrong. What it returns is whole: every key fits, every signature holds. */
export function fromSecretData(data: SecretData): Keyring {
  const text = (name: string): string => {
    const value = data[name];
    if (value === undefined || value === '') throw new Error(`${name} is missing`);
    return Buffer.from(value, 'base64').toString('utf8');
  };
  const stored = readState(text('state.json'));
  const signer = readAuthority(text('signer.crt'), text('signer.key'));
  const serving = readServing(text('tls.crt'), text('tls.key'));
  if (!hasSigned(signer, serving)) throw new Error('the authority has not signed the serving certificate');
  const keyring = withState(stored, { signer, serving }, text);
  if (text('ca.crt') !== trustBundle(keyring)) throw new Error('ca.crt is not the authorities in use');
  return keyring;
}

function withState(
  { state, since, until }: Stored,
  common: Pick<Keyring, 'signer' | 'serving'>,
  text: (name: string) => string,
): Keyring {
  switch (state) {
    case 'Stable':
      return { state, ...common };
    case 'Introducing': {
      const next = readAuthority(text('next.crt'), text('next.key'));
      return { state, ...common, next, since: time(since) };
    }
    case 'Retiring':
      return { state, ...common, previous: normalPem(text('previous.crt')), until: time(until) };
    default:
      throw new Error('state.json names no state that is known');
  }
}

function readState(text: string): Stored {
  try {
    return JSON.parse(text) as Stored;
  } catch {
    throw new Error('state.json is not JSON');
  }
}

function time(text: string | undefined): number {
  const at = Date.parse(text ?? '');
  if (Number.isNaN(at)) throw new Error('state.json lacks a time');
  return at;
}
