import { describe, expect, test } from 'vitest';
import { allCrds, type StructuralSchema } from '../../crds/definitions.ts';
import { validateObject } from '../../crds/validate.ts';
import { rejectedFixtures } from './fixtures.ts';

const fixtures = rejectedFixtures();

describe('a rejected manifest has exactly the problem its first lines name', () => {
  test.each(fixtures)('$name', ({ object, path, message }) => {
    const problems = validateObject(object);
    expect(problems.map((problem) => ({ path: problem.path, message: problem.message }))).toEqual([
      { path, message },
    ]);
    expect(problems[0]?.name).toBe(object.metadata.name);
  });
});

describe('every rule has a rejected manifest', () => {
  const messages = fixtures.map(({ message }) => message);
  const rules = allCrds().flatMap((crd) => {
    const schema = crd.spec.versions[0]?.schema.openAPIV3Schema;
    return schema ? rulesOf(schema).map((rule) => ({ kind: crd.spec.names.kind, ...rule })) : [];
  });

  test.each(rules)('$kind: $message', ({ message }) => {
    expect(messages.some((text) => text.startsWith(message))).toBe(true);
  });
});

function rulesOf(schema: StructuralSchema): { message: string }[] {
  const children = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(schema.additionalProperties ? [schema.additionalProperties] : []),
  ];
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => ({ message }));
  const all = [...own, ...children.flatMap(rulesOf)];
  return [...new Map(all.map((rule) => [rule.message, rule])).values()];
}
