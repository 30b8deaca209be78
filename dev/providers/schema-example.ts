/** A value that a JSON schema allows: what a model answers that is held to it. */

interface Schema {
  type?: string | string[];
  properties?: Record<string, unknown>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: unknown[];
  items?: unknown;
}

export function exampleOf(schema: unknown, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > 8) return {};
  const { type, properties = {}, required, enum: values, const: constant, anyOf, items } = schema as Schema;
  if (constant !== undefined) return constant;
  if (values?.length) return values[0];
  if (anyOf?.length) return exampleOf(anyOf[0], depth + 1);
  switch (Array.isArray(type) ? type[0] : type) {
    case 'string':
      return 'example';
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return items === undefined ? [] : [exampleOf(items, depth + 1)];
    default: {
      const names = required ?? Object.keys(properties);
      return Object.fromEntries(names.map((name) => [name, exampleOf(properties[name], depth + 1)]));
    }
  }
}
