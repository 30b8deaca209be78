/** What compiling one route gives, before it is known which workloads it is for. */
import type { ItemId, RouteItem } from '../../sidecar/snapshot/schema.ts';
import { once } from './once.ts';
import type { PolicySource } from './policy-source.ts';
import type { Problem } from './problems.ts';
import type { ProviderSource } from './provider-index.ts';
import type { RouteSource } from './route-source.ts';

export interface CompiledRoute {
  source: RouteSource;
  /** Those it is under, in the order in which they count. */
  policies: readonly PolicySource[];
  /** Without rank: that depends on the workload. */
  item: Omit<RouteItem, 'rank'>;
  /** Providers the route may use, and of each the credentials it may use. */
  uses: Map<ItemId, { credentials: ReadonlySet<string> }>;
  /** Models the route asks providers for by name. */
  named: { provider: ItemId; model: string }[];
  problems: Problem[];
}

/** Names of credentials that routes may use, kept once: teams use the same few providers from many routes. */
const named = new Map<string, { credentials: ReadonlySet<string> }>();
const MAX_NAMED = 1_024;

/** Adds to what the route may use. */
export function use(
  route: CompiledRoute,
  source: Pick<ProviderSource, 'id'>,
  credentials: readonly string[],
): void {
  const names = new Set([...(route.uses.get(source.id)?.credentials ?? []), ...credentials]);
  const key = JSON.stringify([...names]);
  if (named.size >= MAX_NAMED && !named.has(key)) named.clear();
  route.uses.set(
    source.id,
    once(named, key, () => ({ credentials: names })),
  );
}
