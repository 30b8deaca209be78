/** PURE: an acknowledgement and what is wanted -> how a sidecar stands to one object. */
import type { ItemException } from '../../sidecar/snapshot/messages.ts';
import type { ItemId, SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import type { ProxyState } from '../sync/registry.ts';
import type { Standing } from './programmed.ts';
import { type SnapshotHistory, sameItem } from './snapshot-history.ts';

/** What a workload should have of one object. */
export interface Wanted {
  /** The object's own item. */
  item: SnapshotItem;
  /** Items the object does not work without: a route's providers. */
  needs: readonly SnapshotItem[];
  /** Ids of credentials the items name and the workload is given. */
  credentials: readonly string[];
}

/** The items and keys that an item of a snapshot stands on. */
export function wantedOf(
  item: SnapshotItem,
  items: ReadonlyMap<ItemId, SnapshotItem>,
  given: ReadonlySet<string>,
): Wanted {
  const needs: SnapshotItem[] = [];
  if (item.kind === 'Route') {
    const ids = new Set(item.body?.rules.flatMap((rule) => rule.targets.map(({ provider }) => provider)));
    for (const id of ids) {
      const provider = items.get(id);
      if (provider) needs.push(provider);
    }
  }
  const credentials = [item, ...needs].flatMap((each) =>
    each.kind === 'Provider' ? (each.body?.credentials ?? []).map(({ id }) => id) : [],
  );
  return { item, needs, credentials: credentials.filter((id) => given.has(id)) };
}

export function standingOf(
  proxy: ProxyState | undefined,
  wanted: Wanted,
  history: SnapshotHistory,
): Standing {
  if (proxy?.outdated) {
    return {
      state: 'Refused',
      item: wanted.item.id,
      reason: 'its protocol is no longer served: outrider restart --outdated replaces it',
      unsupported: true,
      older: proxy.ack !== undefined && proxy.ack.hash !== '',
    };
  }
  const ack = proxy?.ack;
  if (!ack || ack.hash === '') return { state: 'New' };
  const has = history.items(ack.hash);
  if (!has?.has(wanted.item.id)) return { state: 'Behind', older: has === undefined };
  for (const item of [wanted.item, ...wanted.needs]) {
    const had = has.get(item.id);
    const exception = ack.exceptions.find(({ id }) => id === item.id);
    if (!had || !sameItem(had, item)) {
      // A newer version of a provider that works is on its way: the provider's status says so, not those of its many routes.
      if (had && item !== wanted.item && !exception) continue;
      return { state: 'Behind', older: had?.state === 'Valid' };
    }
    // What the operator itself holds invalid is no refusal; its own conditions say why.
    if (exception && item.state === 'Valid') return refusal(exception, item, proxy.features);
    if (item === wanted.item && item.state === 'Invalid') {
      return { state: 'Behind', older: exception?.state === 'Stale' };
    }
  }
  const keys = history.credentials(ack.credentialsVersion);
  const missing = wanted.credentials.some((id) => !keys?.has(id));
  return missing ? { state: 'Behind', older: false } : { state: 'Runs' };
}

function refusal(exception: ItemException, item: SnapshotItem, features: readonly string[]): Standing {
  return {
    state: 'Refused',
    item: item.id,
    reason: exception.reason,
    unsupported: item.requires.some((name) => !features.includes(name)),
    older: exception.state === 'Stale',
  };
}
