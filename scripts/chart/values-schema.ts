/** The JSON schema of the chart's values: what is not in `values.yaml` is refused, so that a misspelt value is not silently nothing. */
import { SPOOL_PATTERN } from '../../operator/inject/value-kinds.ts';
import type { Value } from './values.ts';

/** What several values share. */
const DEFINITIONS = {
  name: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
  port: { type: 'integer', minimum: 1024, maximum: 65_535 },
  labels: {
    type: 'object',
    additionalProperties: { type: 'string', pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$' },
  },
  secretKey: {
    type: ['object', 'null'],
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 253 },
      key: { type: 'string', minLength: 1, maxLength: 253 },
    },
    required: ['name', 'key'],
    additionalProperties: false,
  },
  spoolSize: { type: 'string', pattern: SPOOL_PATTERN },
  amounts: {
    type: 'object',
    additionalProperties: false,
    properties: {
      cpu: { type: 'string', pattern: '^([1-9][0-9]*m?|0\\.[0-9]{1,3})$' },
      memory: { type: 'string', pattern: '^[1-9][0-9]*(Ki|Mi|Gi|k|M|G)?$' },
    },
  },
};

export function valuesSchema(values: readonly Value[]): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart outrider',
    ...objectOf(values),
    // A pod without a sidecar must not be missed silently.
    anyOf: [
      where('injection', { failurePolicy: { const: 'Fail' } }),
      where('repair', { enabled: { const: true } }),
    ],
    $defs: DEFINITIONS,
  };
}

function where(group: string, properties: Record<string, object>): object {
  return { properties: { [group]: { properties } } };
}

function objectOf(values: readonly Value[], more: Readonly<Record<string, unknown>> = {}): object {
  const properties = Object.fromEntries(values.map((value) => [value.key, schemaOf(value)]));
  // Helm puts `global` into the values of charts with dependencies, and of those.
  return {
    type: 'object',
    additionalProperties: false,
    properties: { ...properties, global: { type: 'object' } },
    ...more,
  };
}

function schemaOf({ children, default: unset, description, schema }: Value): object {
  const said = description ? { description } : {};
  if (children.length > 0) return { ...said, ...objectOf(children, schema) };
  if ('$ref' in schema) return { ...said, allOf: [schema] };
  const type = typeOf(unset);
  const isClosed = type === 'object' && !('additionalProperties' in schema);
  return { ...said, type, ...(isClosed ? { additionalProperties: false } : {}), ...schema };
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
