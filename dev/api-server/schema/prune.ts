/** Fields the schema does not have: dropped, and reported for strict decoding. */
import type { Schema } from '../kinds/kind.ts';
import { type Fields, isFields } from '../object.ts';

/** The schema of a member; undefined where anything goes, null where the schema has no such member. */
export function memberSchema(schema: Schema | undefined, name: string): Schema | undefined | null {
  if (!schema) return undefined;
  const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
  if (known) return known;
  if (schema.additionalProperties) return schema.additionalProperties;
  return schema['x-kubernetes-preserve-unknown-fields'] || (schema.type === 'object' && !schema.properties)
    ? undefined
    : null;
}

/**
 * A copy of `value` with what `schema` knows, without nulls that it does not allow. Paths of dropped fields are added to
 * `unknown`.
 */
export function prune(value: unknown, schema: Schema | undefined, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => prune(item, schema?.items, `${path}[${index}]`, unknown));
  }
  if (!isFields(value)) return value;
  const kept: Fields = {};
  for (const [name, member] of Object.entries(value)) {
    const inner = memberSchema(schema, name);
    const at = path ? `${path}.${name}` : name;
    if (inner === null) unknown.push(at);
    else if (member !== null || inner === undefined || inner.nullable) {
      kept[name] = prune(member, inner, at, unknown);
    }
  }
  return kept;
}
