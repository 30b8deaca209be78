import { describe, expect, test } from 'vitest';
import { allCrds, type StructuralSchema } from '../../crds/definitions.ts';
import { KINDS } from '../../crds/kinds.ts';
import { parseManifests } from '../../crds/manifests.ts';
import { validateObject } from '../../crds/validate.ts';
import { acceptedFixtures } from './fixtures.ts';

const fixtures = acceptedFixtures();

describe('an accepted manifest has no problem', () => {
  test.each(fixtures)('$name', ({ object }) => {
    expect(validateObject(object)).toEqual([]);
  });

  test.each(KINDS)('the example of $kind', ({ example }) => {
    const { objects, problems } = parseManifests(example, 'example');
    expect(problems).toEqual([]);
    expect(objects.flatMap(({ object }) => validateObject(object))).toEqual([]);
  });
});

describe('the accepted manifests of a kind together have every field of its schema', () => {
  test.each(allCrds().map((crd) => ({ kind: crd.spec.names.kind, crd })))('$kind', ({ kind, crd }) => {
    const schema = crd.spec.versions[0]?.schema.openAPIV3Schema as StructuralSchema;
    const objects = fixtures.filter(({ object }) => object.kind === kind).map(({ object }) => object);
    const seen = new Set(objects.flatMap((object) => fieldsOf(object)));
    const fields = ['spec', 'status'].flatMap((part) => declared(schema.properties?.[part], part));
    expect(fields.filter((field) => !seen.has(field))).toEqual([]);
  });
});

/** Paths with `[]` for entries of lists. Maps are left out: their keys are no fields. */
function declared(schema: StructuralSchema | undefined, at: string): string[] {
  if (!schema) return [];
  if (schema.items) return declared(schema.items, `${at}[]`);
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    declared(child, `${at}.${name}`),
  );
  return [at, ...below];
}

function fieldsOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [at];
  return [
    at,
    ...Object.entries(value).flatMap(([name, child]) => fieldsOf(child, at === '' ? name : `${at}.${name}`)),
  ];
}
