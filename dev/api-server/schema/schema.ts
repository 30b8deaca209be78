/** Objects and their structural schema: what it does not know is dropped, what it forbids is told in the API server's words. */
import { compileRule } from '../../../crds/cel/rule.ts';
import type { CelRule } from '../../../crds/common.ts';
import type { StructuralSchema } from '../../../crds/structural.ts';
import type { FieldError } from '../http/status-error.ts';
import type { Kind, Schema } from '../kinds/kind.ts';
import { type ApiObject, type Fields, isFields } from '../object.ts';

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

/** Errors after which rules cannot be trusted to see what they expect. */
const BLOCKING = /^FieldValue(NotSupported|Required|TooLong|TooMany|TypeInvalid)$/;
const UNCHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** `before` are errors already found: blocking ones keep the rules from running. `part` is what may have changed. */
export function validate(object: ApiObject, kind: Kind, before: FieldError[], part?: 'status'): FieldError[] {
  const { schema } = kind;
  const errors = [...before];
  if (!part) errors.push(...shapeErrors(object, schema, ''));
  else if (object[part] !== undefined) {
    errors.push(...shapeErrors(object[part], schema.properties?.[part] ?? {}, part, part.length + 1));
  }
  walk(object, schema, '', (value, at, path) => errors.push(...listKeyErrors(value, at, path)));
  if (errors.some(({ type }) => BLOCKING.test(type))) {
    return [...errors, { type: 'FieldValueInvalid', field: '<nil>', value: null, detail: UNCHECKED }];
  }
  walk(object, schema, '', (value, at, path) => errors.push(...ruleErrors(value, at, path)));
  return errors;
}

type Visit = (value: unknown, schema: Schema, path: string) => void;

/** What stands inside a value and has a schema. */
function inside(value: unknown, schema: Schema, path: string, visit: Visit): void {
  for (const [name, member] of typeof value === 'object' ? Object.entries(value ?? {}) : []) {
    const isItem = Array.isArray(value);
    const at = isItem ? schema.items : memberSchema(schema, name);
    if (at) visit(member, at, isItem ? `${path}[${name}]` : path ? `${path}.${name}` : name);
  }
}

/** Every node of the object that the schema describes, outside in. */
function walk(value: unknown, schema: Schema, path: string, visit: Visit): void {
  visit(value, schema, path);
  inside(value, schema, path, (...inner) => walk(...inner, visit));
}

function typeOf(value: unknown): string {
  if (value === null || Array.isArray(value)) return value === null ? 'null' : 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/**
 * Types and bounds of `value`, which stands at `path`. A status is validated on its own: messages then leave out the first
 * `skip` characters of paths that fields keep.
 */
export function shapeErrors(value: unknown, schema: Schema, path: string, skip = 0): FieldError[] {
  const errors: FieldError[] = [];
  const type = typeOf(value);
  const body = `${path.slice(skip)} in body`;
  const add = (kind: FieldError['type'], detail: string, shown?: unknown) =>
    errors.push({ type: kind, field: path || '<nil>', detail, ...(shown !== undefined && { value: shown }) });
  const bad = (shown: unknown, detail: string) => add('FieldValueInvalid', `${body} ${detail}`, shown);
  const most = (limit: number, unit: string) => `${limit} ${unit}${limit === 1 ? '' : 's'}`;
  if (schema.type && type !== schema.type) {
    // The real server compares formats before types, where the value may have one.
    const formatted = schema.format && ['boolean', 'object', 'number'].includes(type);
    const found = !formatted ? type : type === 'number' ? 'float64' : '';
    const wanted = formatted ? schema.format : schema.type;
    add('FieldValueTypeInvalid', `${body} must be of type ${wanted}: "${found}"`, found);
  }
  if (schema.enum && !(schema.enum as unknown[]).includes(value)) {
    const supported = schema.enum.map((one) => JSON.stringify(one)).join(', ');
    add('FieldValueNotSupported', `supported values: ${supported}`, value);
  }
  if (typeof value === 'string') {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
    const { length } = Array.from(value);
    // One complaint about a string: the first.
    if (length > maxLength) add('FieldValueTooLong', `may not be more than ${most(maxLength, 'byte')}`);
    else if (length < minLength) bad(value, `should be at least ${minLength} chars long`);
    else if (pattern && !new RegExp(pattern, 'u').test(value)) bad(value, `should match '${pattern}'`);
    if (schema.format === 'date-time' && !(RFC3339.test(value) && !Number.isNaN(Date.parse(value)))) {
      add('FieldValueTypeInvalid', `${body} must be of type date-time: ${JSON.stringify(value)}`, value);
    }
  } else if (typeof value === 'number') {
    const { minimum = value, maximum = value } = schema;
    if (value < minimum) bad(value, `should be greater than or equal to ${minimum}`);
    if (value > maximum) bad(value, `should be less than or equal to ${maximum}`);
  } else if (typeof value === 'object' && value !== null) {
    const size = Object.keys(value).length;
    const [least = 0, limit = size, unit] = Array.isArray(value)
      ? [schema.minItems, schema.maxItems, 'items']
      : [schema.minProperties, schema.maxProperties, 'properties'];
    if (size < least) bad(size, `should have at least ${least} ${unit}`);
    if (size > limit) add('FieldValueTooMany', `must have at most ${most(limit, 'item')}`, size);
  }
  for (const name of isFields(value) ? (schema.required ?? []) : []) {
    if ((value as Fields)[name] !== undefined) continue;
    errors.push({ type: 'FieldValueRequired', field: path ? `${path}.${name}` : name });
  }
  inside(value, schema, path, (...inner) => errors.push(...shapeErrors(...inner, skip)));
  return errors;
}
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function listKeyErrors(list: unknown, schema: Schema, path: string): FieldError[] {
  const kind = schema['x-kubernetes-list-type'];
  if (!Array.isArray(list) || (kind !== 'set' && kind !== 'map')) return [];
  const odd = kind === 'map' ? list.findIndex((item) => item !== null && !isFields(item)) : -1;
  const rule = 'must be an object for an array of list-type map';
  const field = `${path}[${odd}]`;
  if (odd >= 0) return [{ type: 'FieldValueInvalid', field, value: list[odd], detail: rule }];
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): unknown =>
    kind === 'set' ? item : Object.fromEntries(names.map((name) => [name, (item as Fields | null)?.[name]]));
  const counts = new Map<string, number>();
  return list.flatMap((item, index): FieldError[] => {
    const value = keyOf(item);
    const text = JSON.stringify(value);
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    // Once for each value, however often it occurs.
    return count === 2 ? [{ type: 'FieldValueDuplicate', field: `${path}[${index}]`, value }] : [];
  });
}

const compiled = new WeakMap<CelRule, { holds(self: unknown): boolean }>();

function ruleErrors(self: unknown, schema: Schema, path: string): FieldError[] {
  const rules: (CelRule & { reason?: FieldError['type'] })[] = schema['x-kubernetes-validations'] ?? [];
  return rules.flatMap((rule): FieldError[] => {
    const ready = compiled.get(rule) ?? compileRule(rule.rule, schema as StructuralSchema);
    compiled.set(rule, ready);
    if (ready.holds(self)) return [];
    const { reason: type = 'FieldValueInvalid', message, fieldPath = '' } = rule;
    // The real server leaves the message out of this one cause.
    const detail = type !== 'FieldValueDuplicate' && { detail: message };
    return [{ type, field: `${path}${fieldPath}` || '<nil>', ...detail }];
  });
}
