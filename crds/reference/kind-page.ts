/** The reference page of a kind, in Markdown, from its schema alone. */
import { API_VERSION, type CelRule, type KindDefinition, meaningOf } from '../common.ts';
import { objectSchema } from '../definitions.ts';
import type { StructuralSchema } from '../structural.ts';
import { amount, range } from '../validate/expected.ts';
import { cell, GENERATED, table } from './markdown.ts';

export function kindPage(kind: KindDefinition): string {
  const { spec, status } = objectSchema(kind).properties as Record<'spec' | 'status', StructuralSchema>;
  return `${GENERATED}
# ${kind.kind}

${kind.description}

\`apiVersion: ${API_VERSION}\`, namespaced. \`kubectl get ${kind.plural}\`, or \`${kind.shortNames.join('`, `')}\` for short; \`kubectl get outrider\` shows every kind.

\`\`\`yaml
${kind.example}\`\`\`

Paths are written as in messages: \`[]\` is any entry of a list, \`{}\` any entry of a map. A required field is required where the object
around it is there. A field that is not in these tables is refused. What a field does when it is unset is said after "Unset"; the
API server fills in nothing, so an unset field stays visibly unset.

## Spec

${spec.description}

${fieldTable('spec', spec)}

## Status

${status.description}

${fieldTable('status', status)}

Conditions:

${table(
  ['Type', 'Meaning'],
  kind.conditions.map(({ type, meaning }) => [`\`${type}\``, cell(meaning)]),
)}

## Columns of \`kubectl get\`

${table(
  ['Column', 'From', 'Shown', 'Meaning'],
  kind.printerColumns.map(({ name, jsonPath, priority, description }) => [
    cell(name),
    `\`${cell(jsonPath)}\``,
    priority ? 'with `-o wide`' : 'always',
    cell(description),
  ]),
)}
`;
}

function fieldTable(path: string, schema: StructuralSchema): string {
  const rows: string[][] = [];
  collect(path, schema, rows);
  return table(['Field', 'Type', 'Required', 'Bounds', 'Meaning'], rows);
}

function collect(path: string, schema: StructuralSchema, rows: string[][]): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const at = `${path}.${name}`;
    const required = schema.required?.includes(name) ? 'yes' : 'no';
    const named = rulesOf(schema).filter((rule) => rule.fieldPath === `.${name}`);
    const about = [field, field.items, field.additionalProperties].flatMap((node) =>
      node ? general(node) : [],
    );
    const rules = [...about, ...named].map(({ message }) => ` **Rule:** ${message}.`);
    const meaning = `${field.description}${rules.join('')}`;
    rows.push([`\`${at}\``, typeText(field), required, cell(bounds(field)), cell(meaning)]);
    descend(at, field, rows);
  }
}

function descend(path: string, schema: StructuralSchema, rows: string[][]): void {
  if (schema.items) descend(`${path}[]`, schema.items, rows);
  else if (schema.additionalProperties) descend(`${path}{}`, schema.additionalProperties, rows);
  else collect(path, schema, rows);
}

function typeText(schema: StructuralSchema): string {
  if (schema.items) return `list of ${typeText(schema.items)}`;
  if (schema.additionalProperties) return `map to ${typeText(schema.additionalProperties)}`;
  if (schema.format === 'date-time') return 'time';
  return schema.enum ? 'enum' : (schema.type ?? 'any');
}

/** Bounds of the field, and of its entries where it is a list or a map. */
function bounds(schema: StructuralSchema): string {
  const parts: string[] = [];
  if (schema.enum) parts.push(`one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`);
  else if (schema.type === 'integer') parts.push(range(schema.minimum, schema.maximum).trim());
  else if (schema.type === 'string' && !schema.format) {
    const form = schema.pattern === undefined ? undefined : meaningOf(schema.pattern);
    parts.push(amount(schema.minLength || undefined, schema.maxLength, 'character'));
    if (form) parts.push(form);
  } else if (schema.items) {
    const entry = bounds(schema.items);
    parts.push(amount(schema.minItems, schema.maxItems, 'entry'), listText(schema));
    if (entry) parts.push(`each ${entry}`);
  } else if (schema.additionalProperties) {
    parts.push(amount(schema.minProperties, schema.maxProperties, 'entry'));
    const entry = bounds(schema.additionalProperties);
    if (entry) parts.push(`each ${entry}`);
  }
  return parts.filter(Boolean).join('; ');
}

function listText(schema: StructuralSchema): string {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (keys) return `unique by \`${keys.join('`, `')}\``;
  return schema['x-kubernetes-list-type'] === 'set' ? 'unique' : '';
}

const rulesOf = (schema: StructuralSchema): CelRule[] => schema['x-kubernetes-validations'] ?? [];

/** Rules about a value as a whole; the others are told at the field they name. */
const general = (schema: StructuralSchema): CelRule[] => rulesOf(schema).filter((rule) => !rule.fieldPath);
