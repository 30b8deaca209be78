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
    const text = JSON.stringify(document(served));
    const hash = createHash('sha256').update(text).digest('hex').toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) as Fields };
}

/** /openapi/v3/PATH; undefined where nothing is served there. */
export function openapiDocument(kinds: readonly Kind[], path: string): Fields | undefined {
  const served = kinds.filter((kind) => pathOf(kind) === path);
  return served.length > 0 ? document(served) : undefined;
}

function document(kinds: readonly Kind[]): Fields {
  const info = { title: 'Kubernetes', version: 'unversioned' };
  const schemas: Fields = Object.assign({ [META]: OBJECT_META }, ...kinds.map(schemasOf));
  return { openapi: '3.0.0', info, paths: Object.assign({}, ...kinds.map(pathsOf)), components: { schemas } };
}

const TYPED = 'x-kubernetes-group-version-kind';

function schemasOf(kind: Kind): Fields {
  const { group, version } = kind;
  const metadata = { description: OBJECT_META.description, allOf: [reference(META)] };
  const properties = { ...kind.schema.properties, metadata };
  return {
    [schemaName(kind)]: { ...kind.schema, properties, [TYPED]: [{ group, version, kind: kind.kind }] },
  };
}

/** Operations on one object, which is where kubectl looks for parameters. */
function pathsOf(kind: Kind): Fields {
  const { group, version } = kind;
  const namespace = kind.namespaced ? '/namespaces/{namespace}' : '';
  const parameter = (name: string) => ({ name, in: 'query', schema: { type: 'string' } });
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map(parameter);
  const content = { 'application/json': { schema: reference(schemaName(kind)) } };
  const responses = { 200: { description: 'OK', content } };
  const operation = { [TYPED]: { group, version, kind: kind.kind }, responses };
  const write = { ...operation, parameters };
  const operations = { get: operation, put: write, patch: write, delete: write };
  return { [`/${pathOf(kind)}${namespace}/${kind.plural}/{name}`]: operations };
}
