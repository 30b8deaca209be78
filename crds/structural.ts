/**
 * zod schema -> the structural OpenAPI v3 schema that a CustomResourceDefinition carries.
 *
 * zod writes most of it; what Kubernetes refuses (`additionalProperties: false`, safe-integer bounds, the date-time
 * pattern) is taken out here, and what a well-kept CRD needs (a bound on everything, list types, descriptions) is demanded:
 * a schema that lacks it, or carries a CEL rule that `crds/cel` cannot evaluate, does not generate.
 */
import { z } from 'zod';
import { compileRule } from './cel/rule.ts';
import { type CelRule, patternText } from './common.ts';

/** The subset of OpenAPI v3 that occurs in the project's CRDs. */
export interface StructuralSchema {
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  format?: 'int32' | 'int64' | 'date-time';
  enum?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  nullable?: boolean;
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-validations'?: CelRule[];
}

/** Keys in the order a reader wants them; anything zod emits beyond these is an error. */
const KEYS = [
  'description',
  'type',
  'format',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'nullable',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
] as const;
const KNOWN = new Set<string>(KEYS);
const INT32_MAX = 2_147_483_647;

/** Throws an Error that names the path where the schema cannot be expressed or lacks a bound or a description. */
export function structuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  return shape(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }), path);
}

type Raw = Record<string, unknown>;

function shape(raw: Raw, path: string): StructuralSchema {
  const node: Raw = { ...raw };
  const fail = (what: string): never => {
    throw new Error(`${path}: ${what}`);
  };
  if (node.additionalProperties === false) delete node.additionalProperties;
  if (node.format === 'date-time') delete node.pattern;
  if (typeof node.pattern === 'string') node.pattern = patternText(new RegExp(node.pattern));
  if (node.type === 'integer') {
    if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
    if (node.minimum === Number.MIN_SAFE_INTEGER) fail('an integer needs a minimum');
    node.format = typeof node.maximum === 'number' && node.maximum <= INT32_MAX ? 'int32' : 'int64';
  }
  if (node.properties) {
    node.properties = Object.fromEntries(
      Object.entries(node.properties as Record<string, Raw>).map(([name, child]) => {
        const at = `${path}.${name}`;
        const shaped = shape(child, at);
        if (!shaped.description) throw new Error(`${at}: a field needs a description`);
        return [name, shaped];
      }),
    );
  }
  if (node.additionalProperties) {
    node.additionalProperties = shape(node.additionalProperties as Raw, `${path}{}`);
  }
  if (node.items) node.items = shape(node.items as Raw, `${path}[]`);

  const unknown = Object.keys(node).find((key) => !KNOWN.has(key));
  if (unknown) fail(`"${unknown}" cannot stand in a structural schema`);
  const result = Object.fromEntries(
    KEYS.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]),
  ) as StructuralSchema;
  demandBounds(result, fail);
  for (const { rule, fieldPath } of result['x-kubernetes-validations'] ?? []) {
    compileRule(rule, result);
    const field = fieldPath?.slice(1);
    if (field !== undefined && !result.properties?.[field]) fail(`no field "${field}" for a rule to name`);
  }
  return result;
}

function demandBounds(node: StructuralSchema, fail: (what: string) => never): void {
  if (!node.type && !node['x-kubernetes-preserve-unknown-fields']) fail('a type is missing');
  if (node.type === 'string' && !node.enum && !node.format && node.maxLength === undefined) {
    fail('a string needs a maxLength');
  }
  if (node.type === 'array') {
    if (node.maxItems === undefined) fail('a list needs maxItems');
    if (!node['x-kubernetes-list-type']) fail('a list needs a list type');
  }
  if (node.type === 'object') {
    if (node.additionalProperties && node.maxProperties === undefined) fail('a map needs maxProperties');
    if (!node.additionalProperties && !node.properties) fail('an object needs properties');
  }
}
