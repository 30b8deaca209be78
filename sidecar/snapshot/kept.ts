/** PURE: providers that older bodies of Invalid routes go on using, although the snapshot lists them no more. */
import type { KeptProvider, ProviderItem, SnapshotItem } from './schema.ts';

/** A route that runs an older version, and what it is granted still. */
export interface Keeping {
  route: SnapshotItem;
  keeps: readonly KeptProvider[];
}

export interface Kept {
  items: { item: ProviderItem; reason: string }[];
  keys: ReadonlyMap<string, string>;
}

/**
 * @param listed ids of the providers that the snapshot lists: those stand as it says
 * @param before the items that ran until now, by id
 */
export function keptFor(
  keeping: readonly Keeping[],
  listed: ReadonlyMap<string, unknown>,
  before: ReadonlyMap<string, SnapshotItem>,
): Kept {
  const items = new Map<string, Kept['items'][number]>();
  const keys = new Map<string, string>();
  for (const { route, keeps } of keeping) {
    const granted = new Map(keeps.map((kept) => [kept.provider, kept]));
    for (const id of providersOf(route)) {
      const grant = granted.get(id);
      const item = before.get(id);
      if (!grant || (!listed.has(id) && item?.kind !== 'Provider')) continue;
      for (const { id: key, version } of grant.credentials) keys.set(key, version);
      if (listed.has(id) || item?.kind !== 'Provider') continue;
      const reason = `only the version of ${route.id} that runs here uses it`;
      items.set(id, { item, reason });
    }
  }
  return { items: [...items.values()], keys };
}

function providersOf(item: SnapshotItem): Set<string> {
  const rules = item.kind === 'Route' ? (item.body?.rules ?? []) : [];
  return new Set(rules.flatMap(({ targets }) => targets.map(({ provider }) => provider)));
}
