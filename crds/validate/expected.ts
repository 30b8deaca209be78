/** A schema in words: what may stand in a field. */
import { meaningOf } from '../common.ts';
import type { PathPart } from '../problem.ts';
import type { StructuralSchema } from '../structural.ts';

/** Such as `a whole number from 0 to 1000` or `one of Exact, Prefix, RegularExpression`. */
export function expected(schema: StructuralSchema): string {
  if (schema.enum)
    return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${range(schema.minimum, schema.maximum)}`;
    case 'string': {
      if (schema.format === 'date-time') return 'a time such as 2026-01-02T15:04:05Z';
      const length = counted('a string', schema.minLength || undefined, schema.maxLength, 'character');
      const meaning = schema.pattern === undefined ? undefined : meaningOf(schema.pattern);
      return meaning ? `${meaning} (${length})` : length;
    }
    case 'array':
      return counted('a list', schema.minItems, schema.maxItems, 'item');
    case 'object':
      return schema.additionalProperties
        ? counted('an object', schema.minProperties, schema.maxProperties, 'entry')
        : objectOf(schema);
    case undefined:
      return 'any JSON value';
  }
}

function objectOf(schema: StructuralSchema): string {
  const required = schema.required ?? [];
  const optional = Object.keys(schema.properties ?? {}).filter((name) => !required.includes(name));
  if (required.length === 0) return `an object with any of ${optional.join(', ')}`;
  const rest = optional.length > 0 ? ` (and any of ${optional.join(', ')})` : '';
  return `an object with ${required.join(', ')}${rest}`;
}

function range(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most !== undefined ? ` of at most ${most}` : '';
}

function counted(what: string, least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return what;
  const units = (n: number) => `${n} ${n === 1 ? unit : unit === 'entry' ? 'entries' : `${unit}s`}`;
  if (least === undefined) return `${what} of at most ${units(most as number)}`;
  if (most === undefined) return `${what} of at least ${units(least)}`;
  return least === most ? `${what} of ${units(most)}` : `${what} of ${least} to ${units(most)}`;
}

/** The schema of what stands, or should stand, at `path`; undefined where the schema knows nothing of it. */
export function schemaAt(root: StructuralSchema, path: readonly PathPart[]): StructuralSchema | undefined {
  let schema: StructuralSchema | undefined = root;
  for (const part of path) {
    if (!schema) return undefined;
    if (typeof part === 'number') schema = schema.items;
    else if (schema.additionalProperties) schema = schema.additionalProperties;
    else
      schema =
        schema.properties && Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined;
  }
  return schema;
}
