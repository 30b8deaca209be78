/**
 * PURE: keys from the environment, for manifests on disk that name a Secret which is not among them.
 *
 * For `secretRef: { name: openai, key: api-key }` the variable is OUTRIDER_SECRET_OPENAI_API_KEY: name and key in upper case,
 * everything but letters and digits as `_`. Where that is not set and the key is itself spelled like a variable, as in
 * `key: OPENAI_API_KEY`, the variable of that name is taken. A key that a file holds always wins.
 */
import type { LLMProvider } from '../../crds/llmprovider.ts';
import { CREDENTIAL_LABEL } from '../compile/secrets.ts';
import type { SecretObject } from '../compile/types.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A key that neither a file nor the environment has. */
export interface MissingKey {
  provider: LLMProvider;
  /** Field of the provider that names it. */
  path: string;
  secret: string;
  key: string;
  /** Variables that would have been taken. */
  variables: string[];
}

/** Variables that stand for a key of a Secret, the first that is set counts. */
function variablesFor(name: string, key: string): string[] {
  const plain = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  const own = `OUTRIDER_SECRET_${plain(name)}_${plain(key)}`;
  return /^[A-Z][A-Z0-9_]*$/.test(key) ? [own, key] : [own];
}

/** The Secrets of the files, completed from the environment, and what is still missing. */
export function withEnvironment(
  secrets: readonly SecretObject[],
  providers: readonly LLMProvider[],
  env: Environment,
): { secrets: SecretObject[]; missing: MissingKey[] } {
  const byName = new Map(
    secrets.map((secret) => [nameOf(secret.metadata.namespace, secret.metadata.name), secret]),
  );
  const missing: MissingKey[] = [];
  for (const provider of providers) {
    for (const { ref, path } of refsOf(provider)) {
      const full = nameOf(provider.metadata.namespace, ref.name);
      const secret = byName.get(full);
      if (secret && (has(secret.data, ref.key) || has(secret.stringData, ref.key))) continue;
      const variables = variablesFor(ref.name, ref.key);
      const value = variables.map((name) => env[name]).find((text) => text !== undefined && text !== '');
      if (value === undefined) missing.push({ provider, path, secret: ref.name, key: ref.key, variables });
      else byName.set(full, withKey(secret, provider.metadata.namespace, ref.name, ref.key, value));
    }
  }
  return { secrets: [...byName.values()], missing };
}

function* refsOf(provider: LLMProvider): Generator<{ ref: { name: string; key: string }; path: string }> {
  // The spec of a file may be anything; what is not a reference is reported elsewhere.
  const credentials: unknown = (provider.spec as { credentials?: unknown } | undefined)?.credentials;
  if (!Array.isArray(credentials)) return;
  for (const [i, credential] of credentials.entries()) {
    const ref = (credential as { secretRef?: { name?: unknown; key?: unknown } } | null)?.secretRef;
    if (typeof ref?.name !== 'string' || typeof ref.key !== 'string') continue;
    yield { ref: { name: ref.name, key: ref.key }, path: `spec.credentials[${i}].secretRef` };
  }
}

function withKey(
  secret: SecretObject | undefined,
  namespace: string | undefined,
  name: string,
  key: string,
  value: string,
): SecretObject {
  const base: SecretObject = secret ?? {
    apiVersion: 'v1',
    kind: 'Secret',
    // A variable set for this very purpose is the permission that the label is for a Secret.
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [CREDENTIAL_LABEL]: 'true' },
    },
  };
  return { ...base, stringData: { ...base.stringData, [key]: value } };
}

function nameOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function has(map: Record<string, string> | undefined, key: string): boolean {
  return map !== undefined && Object.hasOwn(map, key);
}
