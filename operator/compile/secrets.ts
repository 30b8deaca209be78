/** Values of credentials out of labelled Secrets. Nothing here ends up in a snapshot or a message. */
import { createHash } from 'node:crypto';
import { once } from './once.ts';
import { CREDENTIAL_UNUSABLE, REF_NOT_PERMITTED } from './reasons.ts';
import type { SecretObject } from './types.ts';

export const CREDENTIAL_LABEL = 'outrider.dev/provider-credential';

type CredentialValue =
  /** `published` is the version as snapshots may show it: absent where it could only be made of the value. */
  | { ok: true; value: string; version: string; published?: string }
  | { ok: false; reason: string; message: string };

export interface Secrets {
  /** The value under `key`, as it goes into a header. */
  read(namespace: string, name: string, key: string): CredentialValue;
  /** The value under `key` as text of several lines, such as a key file. */
  readDocument(namespace: string, name: string, key: string): CredentialValue;
}

/** @param readable namespaces whose Secrets may be read, whatever else was handed in; unset, or with `*` in it: all */
export function secretsOf(objects: readonly SecretObject[], readable: readonly string[] = ['*']): Secrets {
  const all = readable.includes('*');
  const byName = new Map<string, SecretObject>();
  for (const secret of objects) {
    if (secret.metadata.deletionTimestamp === undefined) byName.set(nameOf(secret), secret);
  }
  const values = new Map<string, CredentialValue>();
  const valueIn = (namespace: string, name: string, key: string, form: Form): CredentialValue => {
    if (!all && !readable.includes(namespace)) {
      return refused(
        `Secret ${namespace}/${name} is not read: ${namespace} is not among the operator's credentials namespaces (chart value credentials.namespaces)`,
      );
    }
    const path = `${form.words} ${namespace}/${name}/${key}`;
    return once(values, path, () =>
      readKey(byName.get(`${namespace}/${name}`), `Secret ${namespace}/${name}`, key, form),
    );
  };
  return {
    read: (namespace, name, key) => valueIn(namespace, name, key, KEY),
    readDocument: (namespace, name, key) => valueIn(namespace, name, key, DOCUMENT),
  };
}

interface Form {
  pattern: RegExp;
  words: string;
}
const KEY: Form = {
  pattern: /^[\x21-\x7e]{1,8192}$/,
  words: 'cannot be sent as a key: it must be 1 to 8192 printable ASCII characters without spaces',
};
const DOCUMENT: Form = {
  pattern: /^[\x20-\x7e\s]{1,32768}$/,
  words: 'is no key file: it must be 1 to 32768 characters of ASCII text',
};

function readKey(secret: SecretObject | undefined, what: string, key: string, form: Form): CredentialValue {
  const unread = `lacks the label ${CREDENTIAL_LABEL}: "true" without which it is not read`;
  if (!secret) return refused(`${what} is not there, or ${unread}`);
  if (secret.metadata.labels?.[CREDENTIAL_LABEL] !== 'true') return refused(`${what} ${unread}`);
  const value = valueOf(secret, key);
  if (value === undefined) return unusable(`${what} has no key "${key}"`);
  if (!form.pattern.test(value)) return unusable(`"${key}" of ${what} ${form.words}`);
  return { ok: true, value, ...versionOf(secret, value) };
}

const nameOf = (secret: SecretObject) => `${secret.metadata.namespace ?? ''}/${secret.metadata.name}`;
const refused = (message: string): CredentialValue => ({ ok: false, reason: REF_NOT_PERMITTED, message });
const unusable = (message: string): CredentialValue => ({ ok: false, reason: CREDENTIAL_UNUSABLE, message });

/** Without the newline that `echo` and editors leave at the end. */
function valueOf(secret: SecretObject, key: string): string | undefined {
  const plain = own(secret.stringData, key);
  const encoded = own(secret.data, key);
  if (plain !== undefined) return plain.trim();
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8').trim();
}

const own = (map: Record<string, string> | undefined, key: string): string | undefined =>
  map && Object.hasOwn(map, key) ? map[key] : undefined;

/**
 * Changes whenever the value may have. The API server's version is used where there is one, so that nothing derived from a
 * key is ever shown; a manifest on disk has none, and there a short digest stands in, which no snapshot carries.
 */
function versionOf(secret: SecretObject, value: string): { version: string; published?: string } {
  const { uid, resourceVersion } = secret.metadata;
  if (resourceVersion === undefined)
    return { version: createHash('sha256').update(value).digest('hex').slice(0, 12) };
  const version = `${uid ?? ''}.${resourceVersion}`;
  return { version, published: version };
}
