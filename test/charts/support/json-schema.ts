/** JSON schema draft 7, as much of it as the schema of values uses; a keyword it does not know is an error. */
type Schema = Readonly<Record<string, unknown>>;

/** @returns a line for each problem: where, and what */
export function problems(value: unknown, schema: Schema, root: Schema, at = ''): string[] {
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    const check = CHECKS[keyword];
    if (!check) throw new Error(`${at}: the keyword ${keyword} is not known`);
    return check(argument, { value, schema, root, at });
  });
}

interface Context {
  value: unknown;
  schema: Schema;
  root: Schema;
  at: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeOf(value: unknown): string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  return Number.isInteger(value) ? ['integer', 'number'] : [typeof value];
}

const fail = (at: string, what: string, holds: boolean) => (holds ? [] : [`${at}: ${what}`]);
const silent = () => [];

const CHECKS: Readonly<Record<string, (argument: unknown, context: Context) => string[]>> = {
  $schema: silent,
  $defs: silent,
  title: silent,
  description: silent,
  $ref: (ref, { value, root, at }) => {
    const found = (root.$defs as Record<string, Schema>)[String(ref).replace('#/$defs/', '')];
    if (!found) throw new Error(`${at}: there is no ${String(ref)}`);
    return problems(value, found, root, at);
  },
  allOf: (all, { value, root, at }) => (all as Schema[]).flatMap((one) => problems(value, one, root, at)),
  anyOf: (any, { value, root, at }) => {
    const each = (any as Schema[]).map((one) => problems(value, one, root, at));
    return each.some((found) => found.length === 0) ? [] : each.flat();
  },
  type: (types, { value, at }) =>
    fail(
      at,
      `must be ${String(types)}`,
      typeOf(value).some((type) => [types].flat().includes(type)),
    ),
  const: (only, { value, at }) => fail(at, `must be ${String(only)}`, value === only),
  enum: (values, { value, at }) =>
    fail(at, `must be one of ${String(values)}`, (values as unknown[]).includes(value)),
  pattern: (pattern, { value, at }) =>
    fail(
      at,
      `must match ${String(pattern)}`,
      typeof value !== 'string' || new RegExp(String(pattern)).test(value),
    ),
  minimum: (least, { value, at }) =>
    fail(at, `must be ${String(least)} at least`, typeof value !== 'number' || value >= Number(least)),
  maximum: (most, { value, at }) =>
    fail(at, `must be ${String(most)} at most`, typeof value !== 'number' || value <= Number(most)),
  minLength: (least, { value, at }) =>
    fail(at, 'is too short', typeof value !== 'string' || value.length >= Number(least)),
  maxLength: (most, { value, at }) =>
    fail(at, 'is too long', typeof value !== 'string' || value.length <= Number(most)),
  minItems: (least, { value, at }) =>
    fail(at, 'has too few', !Array.isArray(value) || value.length >= Number(least)),
  maxItems: (most, { value, at }) =>
    fail(at, 'has too many', !Array.isArray(value) || value.length <= Number(most)),
  items: (each, { value, root, at }) =>
    Array.isArray(value)
      ? value.flatMap((item, i) => problems(item, each as Schema, root, `${at}/${i}`))
      : [],
  required: (names, { value, at }) =>
    isObject(value) ? (names as string[]).flatMap((name) => fail(at, `lacks ${name}`, name in value)) : [],
  properties: (properties, { value, root, at }) =>
    Object.entries(properties as Record<string, Schema>).flatMap(([name, schema]) =>
      isObject(value) && name in value ? problems(value[name], schema, root, `${at}/${name}`) : [],
    ),
  propertyNames: (schema, { value, root, at }) =>
    isObject(value)
      ? Object.keys(value).flatMap((name) => problems(name, schema as Schema, root, `${at}/${name}`))
      : [],
  additionalProperties: (rest, { value, schema, root, at }) => {
    if (!isObject(value)) return [];
    const others = Object.keys(value).filter((name) => !Object.hasOwn(schema.properties ?? {}, name));
    return others.flatMap((name) =>
      typeof rest === 'boolean'
        ? fail(`${at}/${name}`, 'is not known', rest)
        : problems(value[name], rest as Schema, root, `${at}/${name}`),
    );
  },
};
