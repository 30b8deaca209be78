/**
 * The one judge of an object of the API: `outrider validate`, the file source and the embedded API server all ask here.
 *
 * It says what the API server would refuse (schema, CEL rules) and what the sidecar could not run (patterns), in words that
 * say what would be right.
 */
import { API_VERSION, GROUP, type KindDefinition } from './common.ts';
import { objectSchema } from './definitions.ts';
import { KINDS } from './kinds.ts';
import { dropNulls } from './nulls.ts';
import { formatPath, type PathPart, type Problem } from './problem.ts';
import type { StructuralSchema } from './structural.ts';
import { type Finding, valueAt } from './validate/finding.ts';
import { foreignFindings } from './validate/foreign.ts';
import { metadata, metadataSchema } from './validate/metadata.ts';
import { nearest } from './validate/nearest.ts';
import { schemaFindings, unknownField } from './validate/schema-findings.ts';
import { structureFindings } from './validate/structure-findings.ts';

export { formatPath, type Problem } from './problem.ts';

/**
 * Problems of one object; none if it is valid. Objects of other API groups are only asked for their basic shape: apiVersion,
 * kind, metadata, and that the values of a Secret are strings. A null is an unset field, as to the API server; see `dropNulls`.
 */
export function validateObject(object: unknown): Problem[] {
  const found = isMap(object) ? judge(dropNulls(object)) : [notAnObject(object)];
  const text = (path: PathPart[]): string => {
    const value = valueAt(object, path);
    return typeof value === 'string' ? value : '';
  };
  const owner = {
    kind: text(['kind']),
    namespace: text(['metadata', 'namespace']),
    name: text(['metadata', 'name']),
  };
  return found.map(({ path, ...finding }) => ({ ...owner, ...finding, path: formatPath(path) }));
}

/** Whether an object claims to be of the project's API group, and so is judged in full. */
export function isOurs(object: unknown): boolean {
  const apiVersion = valueAt(object, ['apiVersion']);
  return typeof apiVersion === 'string' && (apiVersion === GROUP || apiVersion.startsWith(`${GROUP}/`));
}

function judge(object: Record<string, unknown>): Finding[] {
  const shape = [...named(object, 'apiVersion'), ...named(object, 'kind')];
  if (shape.length > 0 || !isOurs(object)) return [...shape, ...foreignFindings(object)];
  if (object.apiVersion !== API_VERSION) {
    return [wrong(['apiVersion'], object.apiVersion, API_VERSION)];
  }
  const kind = KINDS.find((definition) => definition.kind === object.kind);
  if (!kind) {
    const kinds = KINDS.map((definition) => definition.kind);
    const meant = nearest(String(object.kind), kinds);
    const right = `one of ${kinds.join(', ')}`;
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    return [{ ...wrong(['kind'], object.kind, right), message: `must be ${right}${hint}` }];
  }
  return judgeKind(kind, object);
}

function judgeKind(kind: KindDefinition, object: Record<string, unknown>): Finding[] {
  const root = wholeSchema(kind);
  const known = Object.keys(root.properties ?? {});
  const broken: Finding[] = Object.keys(object)
    .filter((key) => !known.includes(key))
    .map((key) => unknownField([key], object[key], known));
  broken.push(...schemaFindings(metadata, object, ['metadata'], root), ...namePresent(object));
  broken.push(...schemaFindings(kind.spec, object, ['spec'], root));
  if (object.status !== undefined) broken.push(...schemaFindings(kind.status, object, ['status'], root));
  return [...broken, ...structureFindings(root, object, [], broken)];
}

function namePresent(object: Record<string, unknown>): Finding[] {
  const { metadata: meta } = object;
  if (!isMap(meta) || meta.name !== undefined || meta.generateName !== undefined) return [];
  return [wrong(['metadata', 'name'], undefined, 'a name')];
}

function named(object: Record<string, unknown>, field: string): Finding[] {
  const value = object[field];
  return typeof value === 'string' && value !== '' ? [] : [wrong([field], value, 'a non-empty string')];
}

function wrong(path: PathPart[], value: unknown, expected: string): Finding {
  const message = value === undefined ? `is required: ${expected}` : `must be ${expected}`;
  return { source: 'Schema', path, value, message, expected };
}

const notAnObject = (value: unknown): Finding => wrong([], value ?? null, 'a Kubernetes object');

const schemas = new Map<KindDefinition, StructuralSchema>();
function wholeSchema(kind: KindDefinition): StructuralSchema {
  let schema = schemas.get(kind);
  if (!schema) {
    const crd = objectSchema(kind);
    schema = { ...crd, properties: { ...crd.properties, metadata: metadataSchema } };
    schemas.set(kind, schema);
  }
  return schema;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
