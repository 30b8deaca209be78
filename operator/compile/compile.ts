/**
 * Resources in, one snapshot per workload and one verdict per resource out. PURE: the same resources and options give the
 * same snapshots, byte for byte, in every replica and in any order of input.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../sidecar/snapshot/hash.ts';
import {
  type CredentialSet,
  type ItemId,
  type RouteItem,
  type Snapshot,
  type SnapshotItem,
} from '../../sidecar/snapshot/schema.ts';
import { findConflicts } from './conflicts.ts';
import { CONTRACT } from './contract.ts';
import { credentialSet } from './credentials.ts';
import {
  type KnownVectors,
  type VectorsWanted,
  vectorsOf,
  vectorsWanted,
  withVectors,
} from './example-vectors.ts';
import { CompileMemory } from './memory.ts';
import { mintsOf } from './mints.ts';
import { namespacesOf } from './namespaces.ts';
import { once } from './once.ts';
import { indexPolicies } from './policy-source.ts';
import { policyVerdict } from './policy-verdict.ts';
import { compare, indexProviders } from './provider-index.ts';
import { type CompiledProvider, compileProvider } from './provider-item.ts';
import { compileRoute } from './route-item.ts';
import { reaches, routeSource, selectsLabels } from './route-source.ts';
import { secretsOf } from './secrets.ts';
import type { Compiled, CompileOptions, Resources } from './types.ts';
import { namedModels, providerVerdict, routeVerdict } from './verdicts.ts';
import { watchedBudgets } from './watched-budgets.ts';
import { type Group, groupWorkloads, routeKeys } from './workloads.ts';

/** @param memory of the compilation before; unset: everything is made anew, to the same effect */
export function compile(
  resources: Resources,
  options: CompileOptions,
  memory: CompileMemory = new CompileMemory(),
): Compiled {
  const namespaces = namespacesOf(resources.namespaces, options);
  const secrets = secretsOf(resources.secrets, options.credentialsNamespaces);
  const newest = indexProviders(resources.providers.filter(stays), namespaces);
  const compiled = newest.sources.map(
    (source) => [source.id, compileProvider(source, newest, secrets, options.now)] as const,
  );
  const surroundings = memory.settle({
    index: newest,
    providers: new Map(compiled),
    namespaces: JSON.stringify([resources.namespaces, options.platformNamespaces]),
  });
  const { index, providers } = surroundings;
  const sources = resources.routes
    .filter(stays)
    .map(routeSource)
    .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
  const policies = indexPolicies((resources.policies ?? []).filter(stays), namespaces);
  const { vectors: known = NO_VECTORS } = options;
  const wanted = new Map<string, VectorsWanted>();
  const made = memory.routes(
    sources,
    surroundings,
    (source) => policies.over(source),
    (source, over) => compileRoute(source, index, providers, over),
  );
  const routes = made.map((route) => {
    const asks = vectorsWanted(route, providers, secrets);
    if (!asks) return route;
    wanted.set(asks.key, asks);
    return known.has(asks.key) ? withVectors(route, asks.key) : route;
  });
  const byKey = new Map(routes.map((route) => [route.source.key, route]));

  const { tokens = new Map() } = options;
  const { version: current, previous } = options.contract ?? CONTRACT;
  const grouping = groupWorkloads(routes, namespaces);
  const remembered = memory.snapshots();
  const snapshots = new Map<string, Map<number, Snapshot>>();
  const credentials = new Map<string, CredentialSet>();
  const conflicts = findConflicts(new Set(resources.pods.map((pod) => grouping.groupOf(pod))));
  const named = namedModels(routes);

  return {
    versions: previous ? [current, current - 1] : [current],
    snapshotFor(workload, version = current) {
      const isOlder = version !== current;
      if (isOlder && (!previous || version !== current - 1))
        throw new RangeError(`version ${version} of snapshots is not served`);
      const group = grouping.groupOf(workload);
      const { key, selected } = group;
      const made = once(snapshots, key, () =>
        remembered(
          key,
          selected.map(({ route }) => route),
          providersOf(group, providers),
        ),
      );
      const newest = once(made, current, () =>
        snapshotOf(current, itemsOf(group, providersOf(group, providers)), known),
      );
      return isOlder && previous
        ? once(made, version, () => snapshotOf(version, newest.items.map(previous), known))
        : newest;
    },
    credentialsFor: (workload) => {
      const group = grouping.groupOf(workload);
      return once(credentials, group.key, () => credentialSet(group, providers, secrets, tokens));
    },
    mints: mintsOf(providers.values(), secrets),
    vectorsWanted: [...wanted.values()],
    verdicts: [
      ...[...providers.values()].map((provider) =>
        providerVerdict(
          provider,
          named.get(provider.source.id) ?? new Set(),
          { secrets, tokens },
          namespaces,
        ),
      ),
      ...routes.map((route) => routeVerdict(route, conflicts, namespaces, secrets)),
      ...policies.sources.map((policy) =>
        policyVerdict(policy, {
          policies,
          routes,
          providers: newest,
          secrets,
          namespaces,
          egressHosts: options.egressHosts,
        }),
      ),
    ],
    budgets: watchedBudgets(routes, policies.sources, namespaces),
    selects(routeKey, { namespace, labels }) {
      const source = byKey.get(routeKey)?.source;
      if (!source || !selectsLabels(source, labels)) return false;
      return source.namespace === namespace || reaches(source, namespace, namespaces);
    },
    routesOf: (workload) => routeKeys(grouping.groupOf(workload)),
  };
}

/** An object that is being deleted is gone: finalizers of others do not keep it in force. */
const stays = (object: { metadata: { deletionTimestamp?: string } }): boolean =>
  object.metadata.deletionTimestamp === undefined;

const NO_VECTORS: KnownVectors = new Map();

const snapshotOf = (version: number, items: SnapshotItem[], vectors: KnownVectors): Snapshot => ({
  version,
  hash: hashOf(items),
  items,
  ...vectorsOf(items, vectors),
});

/** Items of the providers that the group's routes use. */
function providersOf(group: Group, providers: ReadonlyMap<ItemId, CompiledProvider>): SnapshotItem[] {
  const used = new Set(group.selected.flatMap(({ route }) => [...route.uses.keys()]));
  return [...used].flatMap((id) => providers.get(id)?.item ?? []);
}

function itemsOf(group: Group, providers: readonly SnapshotItem[]): SnapshotItem[] {
  const routes = group.selected.map(({ route, rank }) => ({ ...route.item, rank }) satisfies RouteItem);
  return [...routes, ...providers].sort((a, b) => compare(a.id, b.id));
}

/** Equal to `snapshotHash(items)`, item by item: the text of a whole snapshot may have megabytes. */
function hashOf(items: readonly SnapshotItem[]): string {
  const hash = createHash('sha256');
  items.forEach((item, i) => hash.update(`${i === 0 ? '[' : ','}${canonicalJson(item)}`));
  return hash.update(items.length === 0 ? '[]' : ']').digest('hex');
}
