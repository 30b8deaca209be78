/** What compiling one route gives, before it is known which workloads it is for. */
import type { ItemId, RouteItem } from '../../sidecar/snapshot/schema.ts';
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
  uses: Map<ItemId, { credentials: Set<string> }>;
  /** Models the route asks providers for by name. */
  named: { provider: ItemId; model: string }[];
  problems: Problem[];
}

/** Adds to what the route may use. */
export function use(
  route: CompiledRoute,
  source: Pick<ProviderSource, 'id'>,
  credentials: readonly string[],
): void {
  const known = route.uses.get(source.id);
  if (!known) route.uses.set(source.id, { credentials: new Set(credentials) });
  else for (const name of credentials) known.credentials.add(name);
}
