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
      const meaning = schema.pattern === undefined ? undefined : meaningOf(schema.pattern);
      const length = amount(schema.minLength || undefined, schema.maxLength, 'character');
      return meaning ? `${meaning}; ${length}` : `a string of ${length}`;
    }
    case 'array':
      return `a list of ${amount(schema.minItems, schema.maxItems, 'item')}`;
    case 'object':
      return schema.additionalProperties
        ? `an object of ${amount(schema.minProperties, schema.maxProperties, 'entry')}`
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

/** Such as ` from 0 to 10`; empty where nothing bounds the number. */
export function range(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most !== undefined ? ` of at most ${most}` : '';
}

/** Such as `1 to 63 characters`; `any number of items` where nothing bounds them. */
export function amount(least: number | undefined, most: number | undefined, unit: string): string {
  const units = (n: number) => (n === 1 ? `${n} ${unit}` : `${n} ${unit.replace(/y$/, 'ie')}s`);
  if (most === undefined) return least === undefined ? `any number of ${unit}s` : `at least ${units(least)}`;
  if (least === undefined) return `at most ${units(most)}`;
  return least === most ? units(most) : `${least} to ${units(most)}`;
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
