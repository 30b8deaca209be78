/** An object against its structural schema, in the API server's words: types and bounds, list keys, then CEL rules. */
import { compileRule } from '../../../crds/cel/rule.ts';
import type { CelRule } from '../../../crds/common.ts';
import type { StructuralSchema } from '../../../crds/structural.ts';
import type { FieldError } from '../http/status-error.ts';
import type { Kind, Schema } from '../kinds/kind.ts';
import { type ApiObject, type Fields, isFields } from '../object.ts';
import { memberSchema } from './prune.ts';

/** Errors after which rules cannot be trusted to see what they expect. */
const BLOCKING = ['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid'].map(
  (name) => `FieldValue${name}`,
);
const UNCHECKED: FieldError = {
  type: 'FieldValueInvalid',
  field: '<nil>',
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/** `before` are errors already found: blocking ones keep the rules from running. `part` is what may have changed. */
export function validate(
  object: ApiObject,
  { schema }: Kind,
  before: FieldError[],
  part?: 'status',
): FieldError[] {
  const errors = [...before];
  if (!part) errors.push(...shapeErrors(object, schema, ''));
  else if (object[part] !== undefined) {
    errors.push(...shapeErrors(object[part], schema.properties?.[part] ?? {}, part, part.length + 1));
  }
  walk(object, schema, '', (value, at, path) => errors.push(...listKeyErrors(value, at, path)));
  if (errors.some(({ type }) => BLOCKING.includes(type))) return [...errors, UNCHECKED];
  walk(object, schema, '', (value, at, path) => errors.push(...ruleErrors(value, at, path)));
  return errors;
}

type Visit = (value: unknown, schema: Schema, path: string) => void;

/** What stands inside a value and has a schema. */
function inside(value: unknown, schema: Schema, path: string, visit: Visit): void {
  const { items } = schema;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) if (items) visit(item, items, `${path}[${index}]`);
  } else if (isFields(value)) {
    for (const [name, member] of Object.entries(value)) {
      const at = memberSchema(schema, name);
      if (at) visit(member, at, path ? `${path}.${name}` : name);
    }
  }
}

/** Every node of the object that the schema describes, outside in. */
function walk(value: unknown, schema: Schema, path: string, visit: Visit): void {
  visit(value, schema, path);
  inside(value, schema, path, (...inner) => walk(...inner, visit));
}

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
};

/**
 * Types and bounds of `value`, which stands at `path`. A status is validated on its own: messages then leave out the first
 * `skip` characters of paths that fields keep.
 */
export function shapeErrors(value: unknown, schema: Schema, path: string, skip = 0): FieldError[] {
  const errors: FieldError[] = [];
  const type = typeOf(value);
  const body = `${path.slice(skip)} in body`;
  const add = (kind: FieldError['type'], detail: string, ...shown: unknown[]) =>
    errors.push({ type: kind, field: path || '<nil>', detail, ...(shown.length > 0 && { value: shown[0] }) });
  const bad = (shown: unknown, detail: string) => add('FieldValueInvalid', `${body} ${detail}`, shown);
  const tooMany = (count: number, most = Number.POSITIVE_INFINITY) => {
    if (count > most)
      add('FieldValueTooMany', `must have at most ${most} item${most === 1 ? '' : 's'}`, count);
  };
  if (schema.type && type !== schema.type) {
    add('FieldValueTypeInvalid', `${body} must be of type ${schema.type}: "${type}"`, type);
  }
  if (schema.enum && !(schema.enum as unknown[]).includes(value)) {
    const supported = schema.enum.map((one) => JSON.stringify(one)).join(', ');
    add('FieldValueNotSupported', `supported values: ${supported}`, value);
  }
  if (typeof value === 'string') {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
    const { length } = Array.from(value);
    // One complaint about a string: the first.
    if (length > maxLength) {
      add('FieldValueTooLong', `may not be more than ${maxLength} byte${maxLength === 1 ? '' : 's'}`);
    } else if (length < minLength) bad(value, `should be at least ${minLength} chars long`);
    else if (pattern && !new RegExp(pattern, 'u').test(value)) bad(value, `should match '${pattern}'`);
    if (schema.format === 'date-time' && !(RFC3339.test(value) && Date.parse(value))) {
      add('FieldValueTypeInvalid', `${body} must be of type date-time: ${JSON.stringify(value)}`, value);
    }
  } else if (typeof value === 'number') {
    const { minimum = value, maximum = value } = schema;
    if (value < minimum) bad(value, `should be greater than or equal to ${minimum}`);
    if (value > maximum) bad(value, `should be less than or equal to ${maximum}`);
  } else if (Array.isArray(value)) {
    const { minItems = 0, maxItems } = schema;
    if (value.length < minItems) bad(value.length, `should have at least ${minItems} items`);
    tooMany(value.length, maxItems);
  } else if (isFields(value)) {
    const size = Object.keys(value).length;
    const { minProperties = 0, maxProperties, required = [] } = schema;
    if (size < minProperties) bad(size, `should have at least ${minProperties} properties`);
    tooMany(size, maxProperties);
    for (const name of required.filter((one) => value[one] === undefined)) {
      errors.push({ type: 'FieldValueRequired', field: path ? `${path}.${name}` : name });
    }
  }
  inside(value, schema, path, (...inner) => errors.push(...shapeErrors(...inner, skip)));
  return errors;
}
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function listKeyErrors(list: unknown, schema: Schema, path: string): FieldError[] {
  const kind = schema['x-kubernetes-list-type'];
  if (!Array.isArray(list) || (kind !== 'set' && kind !== 'map')) return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): unknown =>
    kind === 'set' ? item : Object.fromEntries(keys.map((key) => [key, (item as Fields | null)?.[key]]));
  const texts = list.map((item) => JSON.stringify(keyOf(item)));
  return list.flatMap((item, index): FieldError[] =>
    texts.indexOf(texts[index] ?? '') === index
      ? []
      : [{ type: 'FieldValueDuplicate', field: `${path}[${index}]`, value: keyOf(item) }],
  );
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
