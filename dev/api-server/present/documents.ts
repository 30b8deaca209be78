/** What is served besides resources: discovery (aggregated and legacy), schemas, health, version, the keys behind tokens. */
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { Fields } from '../object.ts';
import type { TokenIssuer } from '../tokens.ts';
import { openapiDocument, openapiIndex } from './openapi.ts';

const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.0-outrider', platform: 'embedded' };
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const OPENAPI = '/openapi/v3';

type Document = { body: object | string; type?: string } | undefined;

export function documentAt(path: string, kinds: readonly Kind[], tokens: TokenIssuer, accept = ''): Document {
  if (path === '/version') return { body: VERSION };
  if (['/readyz', '/livez', '/healthz'].includes(path)) return { body: 'ok', type: 'text/plain' };
  if (path === '/openid/v1/jwks') return { body: tokens.jwks(), type: 'application/jwk-set+json' };
  if (path === '/.well-known/openid-configuration') return { body: tokens.configuration() };
  if (path === OPENAPI) return { body: openapiIndex(kinds) };
  if ((path === '/api' || path === '/apis') && accept.includes(AGGREGATED)) {
    return { body: aggregatedDiscovery(kinds, path === '/api'), type: AGGREGATED };
  }
  const schemas = path.startsWith(`${OPENAPI}/`)
    ? openapiDocument(kinds, path.slice(OPENAPI.length + 1))
    : undefined;
  const body = schemas ?? legacyDiscovery(kinds, path);
  return body && { body };
}

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];

/** What both forms say of a resource in the same words. */
const common = ({ namespaced, shortNames, categories }: Kind): Fields => ({
  verbs: VERBS.filter((verb) => namespaced || verb !== 'deletecollection'),
  ...(shortNames.length > 0 && { shortNames }),
  ...(categories.length > 0 && { categories }),
});
/** Every group has one version. */
const groupsOf = (kinds: readonly Kind[]): Map<string, Kind[]> => Map.groupBy(kinds, ({ group }) => group);

/** `apidiscovery.k8s.io/v2` for /api (the core group) or /apis (all others). */
function aggregatedDiscovery(kinds: readonly Kind[], core: boolean): Fields {
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
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === '') === core);
  const items = groups.map(([name, members]) => {
    const resources = members.map(resource);
    const versions = [{ version: members[0]?.version, resources, freshness: 'Current' }];
    return { metadata: name ? { name } : {}, versions };
  });
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

/** The legacy documents: /api, /apis, /apis/GROUP, /api/v1 and /apis/GROUP/VERSION. */
function legacyDiscovery(kinds: readonly Kind[], path: string): Fields | undefined {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  const groups = [...groupsOf(kinds)].map(([name, members]) => {
    const [preferredVersion] = members.map((kind) => {
      return { groupVersion: apiVersionOf(kind), version: kind.version };
    });
    return { name, versions: [preferredVersion], preferredVersion };
  });
  const named = groups.filter(({ name }) => name);
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: named };
  const group = named.find(({ name }) => path === `/apis/${name}`);
  if (group) return { kind: 'APIGroup', apiVersion: 'v1', ...group };
  const served = kinds.filter((kind) => path === `/${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`);
  const [first] = served;
  const resources = served.flatMap((kind) => {
    const named = { namespaced: kind.namespaced, kind: kind.kind };
    const resource = { name: kind.plural, singularName: kind.singular, ...named, ...common(kind) };
    const status = { name: `${kind.plural}/status`, singularName: '', ...named, verbs: STATUS_VERBS };
    return kind.status ? [resource, status] : [resource];
  });
  return first && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(first), resources };
}
