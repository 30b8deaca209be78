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
import { namespacesOf } from './namespaces.ts';
import { compare, indexProviders } from './provider-index.ts';
import { type CompiledProvider, compileProvider } from './provider-item.ts';
import { compileRoute } from './route-item.ts';
import { reaches, routeSource, selectsLabels } from './route-source.ts';
import { secretsOf } from './secrets.ts';
import type { Compiled, CompileOptions, Resources } from './types.ts';
import { namedModels, providerVerdict, routeVerdict } from './verdicts.ts';
import { type Group, groupWorkloads, routeKeys } from './workloads.ts';

export function compile(resources: Resources, options: CompileOptions): Compiled {
  const namespaces = namespacesOf(resources.namespaces, options);
  const secrets = secretsOf(resources.secrets);
  const index = indexProviders(resources.providers.filter(stays), namespaces);
  const providers = new Map<ItemId, CompiledProvider>();
  for (const source of index.sources)
    providers.set(source.id, compileProvider(source, index, secrets, options.now));
  const routes = resources.routes
    .filter(stays)
    .map(routeSource)
    .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name))
    .map((source) => compileRoute(source, index, providers));
  const byKey = new Map(routes.map((route) => [route.source.key, route]));

  const { version: current, previous } = options.contract ?? CONTRACT;
  const grouping = groupWorkloads(routes, namespaces);
  const snapshots = new Map<string, Snapshot>();
  const olderSnapshots = new Map<string, Snapshot>();
  const credentials = new Map<string, CredentialSet>();
  const conflicts = findConflicts(new Set(resources.pods.map((pod) => grouping.groupOf(pod))));
  const named = namedModels(routes);

  return {
    versions: previous ? [current, current - 1] : [current],
    snapshotFor(workload, version = current) {
      const group = grouping.groupOf(workload);
      const newest = () => once(snapshots, group.key, () => snapshotOf(current, itemsFor(group, providers)));
      if (version === current) return newest();
      if (!previous || version !== current - 1)
        throw new RangeError(`version ${version} of snapshots is not served`);
      return once(olderSnapshots, group.key, () => snapshotOf(version, newest().items.map(previous)));
    },
    credentialsFor: (workload) => {
      const group = grouping.groupOf(workload);
      return once(credentials, group.key, () => credentialSet(group, providers, secrets));
    },
    verdicts: [
      ...[...providers.values()].map((provider) =>
        providerVerdict(provider, named.get(provider.source.id) ?? new Set(), secrets, namespaces),
      ),
      ...routes.map((route) => routeVerdict(route, conflicts, namespaces)),
    ],
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

function once<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

const snapshotOf = (version: number, items: SnapshotItem[]): Snapshot => ({
  version,
  hash: hashOf(items),
  items,
});

function itemsFor(group: Group, providers: ReadonlyMap<ItemId, CompiledProvider>): SnapshotItem[] {
  const items: SnapshotItem[] = [];
  const used = new Set<ItemId>();
  for (const { route, rank } of group.selected) {
    items.push({ ...route.item, rank } satisfies RouteItem);
    for (const id of route.uses.keys()) used.add(id);
  }
  for (const id of used) {
    const item = providers.get(id)?.item;
    if (item) items.push(item);
  }
  return items.sort((a, b) => compare(a.id, b.id));
}

/** Canonical text of the parts that many snapshots share: bodies are built once and never changed. */
const written = new WeakMap<object, string>();

/** Equal to `snapshotHash(items)`, without writing shared bodies again for every snapshot. */
function hashOf(items: readonly SnapshotItem[]): string {
  const hash = createHash('sha256');
  items.forEach((item, i) => hash.update(`${i === 0 ? '[' : ','}${textOf(item)}`));
  return hash.update(items.length === 0 ? '[]' : ']').digest('hex');
}

function textOf({ body, ...header }: SnapshotItem): string {
  if (body === undefined) return canonicalJson(header);
  let text = written.get(body);
  if (text === undefined) {
    text = canonicalJson(body);
    written.set(body, text);
  }
  // "body" sorts before every other member of an item.
  return `{"body":${text},${canonicalJson(header).slice(1)}`;
}
