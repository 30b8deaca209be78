/** Schemas that structured outputs and strict tools of the Anthropic API take. */
import { word } from './json.ts';

const KNOWN = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'anyOf',
  'allOf',
  '$ref',
  '$defs',
  'definitions',
  'enum',
  'const',
  'default',
  'description',
  'title',
  'format',
  'minItems',
]);

/** In the API's words; undefined: it takes the schema. */
export function checkSchema(schema: unknown, path: string): string | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
  const node = schema as Record<string, unknown>;
  const unknown = Object.keys(node).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) {
    return `${path}.schema: For '${word(node.type)}' type, property '${unknown}' is not supported`;
  }
  if (node.type === 'object' && node.additionalProperties !== false) {
    return `${path}.schema: For 'object' type, 'additionalProperties' must be explicitly set to false`;
  }
  if (node.minItems !== undefined && node.minItems !== 0 && node.minItems !== 1) {
    return `${path}.schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported`;
  }
  const nested: unknown[] = [node.items];
  for (const name of ['anyOf', 'allOf'])
    if (Array.isArray(node[name])) nested.push(...(node[name] as unknown[]));
  for (const name of ['properties', '$defs', 'definitions']) nested.push(...Object.values(node[name] ?? {}));
  for (const one of nested) {
    const refused = checkSchema(one, path);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
