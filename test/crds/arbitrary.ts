/** Random objects of a kind, made from its schema: most are accepted; rules and duplicates may refuse some. */
import * as fc from 'fast-check';
import { API_VERSION, type KindDefinition, type KubeObject } from '../../crds/common.ts';
import { objectSchema, type StructuralSchema } from '../../crds/definitions.ts';

export function objectOf(kind: KindDefinition): fc.Arbitrary<KubeObject> {
  const { spec } = objectSchema(kind).properties as { spec: StructuralSchema };
  return valueOf(spec).map((value) => ({
    apiVersion: API_VERSION,
    kind: kind.kind,
    metadata: { name: 'random', namespace: 'default' },
    spec: value,
  }));
}

function valueOf(schema: StructuralSchema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return integerOf(schema);
    case 'string':
      return textOf(schema);
    case 'array':
      return listOf(schema);
    case 'object':
      return schema.additionalProperties ? mapOf(schema.additionalProperties) : recordOf(schema);
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function integerOf({ minimum = 0, maximum = 1_000_000 }: StructuralSchema): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(minimum, maximum),
    fc.integer({ min: minimum, max: Math.min(maximum, minimum + 5) }),
    fc.integer({ min: minimum, max: maximum }),
  );
}

/** Lists take few values of few kinds, so that duplicates and names that agree do occur. */
function textOf(schema: StructuralSchema): fc.Arbitrary<string> {
  const { pattern, minLength = 0, maxLength = 64 } = schema;
  const fits = (text: string) =>
    text.length >= minLength && text.length <= maxLength && (!pattern || new RegExp(pattern).test(text));
  const familiar = [
    'a',
    'b',
    'aa',
    'x-a',
    '/v1/a',
    '1s',
    '0s',
    '1.5',
    'authorization',
    'model',
    '(?=a)',
  ].filter(fits);
  const any = pattern
    ? fc.stringMatching(new RegExp(pattern), { size: 'small' }).filter(fits)
    : fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 8) });
  return familiar.length > 0 ? fc.oneof(fc.constantFrom(...familiar), any) : any;
}

function listOf({ items, minItems = 0, maxItems = 4 }: StructuralSchema): fc.Arbitrary<unknown[]> {
  const size = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 3)) };
  return items ? fc.array(valueOf(items), size) : fc.constant([]);
}

function mapOf(values: StructuralSchema): fc.Arbitrary<Record<string, unknown>> {
  const key = fc.stringMatching(/^[a-z]([a-z.-]{0,5}[a-z])?$/);
  return fc.dictionary(key, valueOf(values), { maxKeys: 3, noNullPrototype: true });
}

/** Optional fields are rare, so that rules which allow only some of them together often hold. */
function recordOf({
  properties = {},
  required = [],
}: StructuralSchema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(properties).map(([name, child]) => {
    const value = valueOf(child);
    const there = required.includes(name) ? 1 : 4;
    const rare = fc.oneof(
      { weight: there - 1, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: value },
    );
    return [name, there === 1 ? value : rare] as const;
  });
  return fc
    .record(Object.fromEntries(fields), { noNullPrototype: true })
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
}

const JUNK = fc.constantFrom<unknown>(
  null,
  '',
  'junk',
  -1,
  0,
  1.5,
  1e12,
  true,
  [],
  {},
  ['a', 'a'],
  'a'.repeat(2000),
);

/** The object with one of its fields, at any depth, replaced, taken away, doubled or added to. */
export function damaged(object: KubeObject): fc.Arbitrary<KubeObject> {
  const places = placesOf(object.spec, ['spec']);
  return fc
    .tuple(fc.constantFrom(...places), fc.constantFrom('replace', 'remove', 'double', 'add'), JUNK)
    .map(([place, how, junk]) => {
      const copy = structuredClone(object);
      const last = place.at(-1) as string | number;
      const parent = place
        .slice(0, -1)
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy);
      const holder = parent as Record<string | number, unknown>;
      if (how === 'remove') delete holder[last];
      else if (how === 'double' && Array.isArray(parent)) parent.push(structuredClone(holder[last]));
      else if (how === 'add' && !Array.isArray(parent)) holder[`${last}X`] = junk;
      else holder[last] = junk;
      return copy;
    });
}

function placesOf(value: unknown, at: (string | number)[]): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [at];
  const below = Array.isArray(value)
    ? value.flatMap((item, i) => placesOf(item, [...at, i]))
    : Object.entries(value).flatMap(([name, child]) => placesOf(child, [...at, name]));
  return [at, ...below];
}
