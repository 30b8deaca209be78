/**
 * A value that a JSON schema allows: what a model answers that is held to it. Of a choice between words it takes the one that
 * the prompt names, as a model would that was asked to label it.
 */

interface Schema {
  type?: string | string[];
  properties?: Record<string, unknown>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: unknown[];
  items?: unknown;
}

export function exampleOf(schema: unknown, asked = '', depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > 8) return {};
  const { type, properties = {}, required, enum: values, const: constant, anyOf, items } = schema as Schema;
  if (constant !== undefined) return constant;
  if (values?.length) return named(values, asked) ?? values[0];
  if (anyOf?.length) return exampleOf(anyOf[0], asked, depth + 1);
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
      return items === undefined ? [] : [exampleOf(items, asked, depth + 1)];
    default: {
      const names = required ?? Object.keys(properties);
      return Object.fromEntries(names.map((name) => [name, exampleOf(properties[name], asked, depth + 1)]));
    }
  }
}

const named = (values: readonly unknown[], asked: string): unknown =>
  values.find(
    (value) => typeof value === 'string' && value !== '' && asked.toLowerCase().includes(value.toLowerCase()),
  );
