/** The keys one group of workloads may hold. */
import { createHash } from 'node:crypto';
import type { CredentialSet, ItemId } from '../../sidecar/snapshot/schema.ts';
import type { Tokens } from './mints.ts';
import { compare } from './provider-index.ts';
import type { CompiledProvider } from './provider-item.ts';
import type { Secrets } from './secrets.ts';
import { webhookSecrets } from './webhooks.ts';
import type { Group } from './workloads.ts';

/**
 * Of the providers that the group's routes use, the credentials those routes may use. A provider that was removed gives
 * none; one that is Invalid keeps giving, for proxies that run an older version of it.
 */
export function credentialSet(
  group: Group,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
  secrets: Secrets,
  tokens: Tokens,
): CredentialSet {
  const found = new Map<string, { value: string; version: string; published?: string }>();
  for (const { route } of group.selected) {
    for (const [provider, { credentials }] of route.uses) {
      const { item, source } = providers.get(provider) ?? {};
      if (!item || !source) continue;
      // As it is now: the route may be remembered from before its provider named another secret.
      for (const { name, secretRef } of source.outline.credentials) {
        if (!credentials.has(name)) continue;
        const id = `${source.namespace}/${source.name}/${name}`;
        const value = secretRef
          ? secrets.read(source.namespace, secretRef.name, secretRef.key)
          : tokens.get(id);
        if (value?.ok) found.set(id, value);
      }
    }
    for (const { id, value } of webhookSecrets(route, secrets)) if (value.ok) found.set(id, value);
  }
  const sorted = [...found].sort(([a], [b]) => compare(a, b));
  const digest = createHash('sha256');
  for (const [id, { version }] of sorted) digest.update(`${id} ${version}\n`);
  return {
    version: digest.digest('hex').slice(0, 32),
    credentials: sorted.map(([id, { value, published }]) => ({
      id,
      value,
      ...(published !== undefined && { version: published }),
    })),
  };
}
