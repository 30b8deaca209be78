/** Discovery: which groups, versions and resources are served, in the aggregated and the legacy form. */
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { Fields } from '../object.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];

/** What both forms say of a resource in the same words. */
const common = ({ namespaced, shortNames, categories }: Kind): Fields => ({
  verbs: VERBS.filter((verb) => namespaced || verb !== 'deletecollection'),
  ...(shortNames.length > 0 && { shortNames }),
  ...(categories.length > 0 && { categories }),
});
const groupsOf = (kinds: readonly Kind[]): Map<string, Kind[]> => Map.groupBy(kinds, ({ group }) => group);

/** `apidiscovery.k8s.io/v2` for /api (the core group) or /apis (all others). */
export function aggregatedDiscovery(kinds: readonly Kind[], core: boolean): Fields {
  const resource = (kind: Kind): Fields => {
    const responseKind = { group: kind.group, version: kind.version, kind: kind.kind };
    return {
      resource: kind.plural,
      responseKind,
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: kind.singular,
      ...common(kind),
      ...(kind.status && { subresources: [{ subresource: 'status', responseKind, verbs: STATUS_VERBS }] }),
    };
  };
  const versions = (members: Kind[]): Fields[] =>
    [...Map.groupBy(members, ({ version }) => version)].map(([version, served]) => {
      return { version, resources: served.map(resource), freshness: 'Current' };
    });
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === '') === core);
  const items = groups.map(([name, members]) => ({
    metadata: name ? { name } : {},
    versions: versions(members),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

/** The legacy documents: /api, /apis, /apis/GROUP, /api/v1 and /apis/GROUP/VERSION. */
export function legacyDiscovery(kinds: readonly Kind[], path: string): Fields | undefined {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  const groups = [...groupsOf(kinds)].map(([name, members]) => {
    const versions = [...new Set(members.map(({ version }) => version))].map((version) => {
      return { groupVersion: apiVersionOf({ group: name, version }), version };
    });
    return { name, versions, preferredVersion: versions[0] };
  });
  if (path === '/apis')
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name) };
  const group = groups.find(({ name }) => name && path === `/apis/${name}`);
  if (group) return { kind: 'APIGroup', apiVersion: 'v1', ...group };
  const served = kinds.filter((kind) => path === `/${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`);
  const [first] = served;
  const resources = served.flatMap((kind) => {
    const { plural: name, singular: singularName, namespaced } = kind;
    const resource = { name, singularName, namespaced, kind: kind.kind, ...common(kind) };
    const status = {
      name: `${name}/status`,
      singularName: '',
      namespaced,
      kind: kind.kind,
      verbs: STATUS_VERBS,
    };
    return kind.status ? [resource, status] : [resource];
  });
  return first && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(first), resources };
}
