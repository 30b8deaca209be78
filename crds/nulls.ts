/**
 * Drops nulls as the API server does before it judges an object: a field whose schema does not take null is unset by it.
 * `weight:` with nothing behind it is how YAML writes that.
 */
import { objectSchema } from './definitions.ts';
import { KINDS } from './kinds.ts';
import type { StructuralSchema } from './structural.ts';

/** The same object where there is nothing to drop; objects of other kinds as they are. */
export function dropNulls<T>(object: T): T {
  if (!isMap(object)) return object;
  const schema = schemas.get(String(object.kind));
  return schema ? (drop(object, schema) as T) : object;
}

const schemas = new Map(KINDS.map((kind) => [kind.kind, objectSchema(kind)]));

function drop(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const dropped = value.map((item) => drop(item, items));
    return dropped.some((item, i) => item !== value[i]) ? dropped : value;
  }
  if (!isMap(value)) return value;
  let dropped: Record<string, unknown> | undefined;
  for (const [name, child] of Object.entries(value)) {
    const known =
      schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const childSchema = known ?? schema.additionalProperties;
    if (!childSchema) continue;
    const kept = child === null && !childSchema.nullable ? undefined : drop(child, childSchema);
    if (kept === child) continue;
    dropped ??= { ...value };
    if (kept === undefined) delete dropped[name];
    else dropped[name] = kept;
  }
  return dropped ?? value;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
