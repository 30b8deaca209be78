/** OpenAPI v3 as far as kubectl reads it: schemas for `explain` and patches, parameters that tell what the server supports. */
import { createHash } from 'node:crypto';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { OBJECT_META } from '../kinds/shape.ts';
import type { Fields } from '../object.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const reference = (name: string): Fields => ({ $ref: `#/components/schemas/${name}` });
const pathOf = (kind: Kind): string => `${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`;
/** `dev.outrider.v1alpha1.LLMRoute`. */
const schemaName = ({ custom, group, version, kind }: Kind): string =>
  custom
    ? [...group.split('.').reverse(), version, kind].join('.')
    : `io.k8s.api.${group.split('.')[0] || 'core'}.${version}.${kind}`;

/** /openapi/v3: where the document of each group and version is. */
export function openapiIndex(kinds: readonly Kind[]): Fields {
  const paths = [...Map.groupBy(kinds, pathOf)].map(([path, served]) => {
    const hash = createHash('sha256')
      .update(JSON.stringify(document(served)))
      .digest('hex')
      .toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) as Fields };
}

/** /openapi/v3/PATH; undefined where nothing is served there. */
export function openapiDocument(kinds: readonly Kind[], path: string): Fields | undefined {
  const served = kinds.filter((kind) => pathOf(kind) === path);
  return served.length > 0 ? document(served) : undefined;
}

const document = (kinds: readonly Kind[]): Fields => ({
  openapi: '3.0.0',
  info: { title: 'Kubernetes', version: 'unversioned' },
  paths: Object.assign({}, ...kinds.map(pathsOf)) as Fields,
  components: { schemas: Object.assign({ [META]: OBJECT_META }, ...kinds.map(schemasOf)) as Fields },
});

function schemasOf(kind: Kind): Fields {
  const { group, version } = kind;
  const typed = (name: string) => ({ 'x-kubernetes-group-version-kind': [{ group, version, kind: name }] });
  const metadata = { description: OBJECT_META.description, allOf: [reference(META)] };
  const items = { type: 'array', items: reference(schemaName(kind)) };
  const whole = { ...kind.schema, properties: { ...kind.schema.properties, metadata }, ...typed(kind.kind) };
  const list = { type: 'object', properties: { items }, ...typed(`${kind.kind}List`) };
  return { [schemaName(kind)]: whole, [`${schemaName(kind)}List`]: list };
}

function pathsOf(kind: Kind): Fields {
  const { group, version } = kind;
  const base = `/${pathOf(kind)}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => {
    return { name, in: 'query', schema: { type: 'string' } };
  });
  const operation = (action: string, suffix = ''): Fields => {
    const content = { 'application/json': { schema: reference(schemaName(kind) + suffix) } };
    return {
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group, version, kind: kind.kind },
      parameters: action === 'get' || action === 'list' ? [] : parameters,
      responses: { 200: { description: 'OK', content } },
    };
  };
  const item = { get: operation('get'), put: operation('put'), patch: operation('patch') };
  return {
    [base]: { get: operation('list', 'List'), post: operation('post') },
    [`${base}/{name}`]: { ...item, delete: operation('delete') },
    ...(kind.status && { [`${base}/{name}/status`]: item }),
  };
}
