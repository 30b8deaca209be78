import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { atomicList, cel } from '../../crds/common.ts';
import { structuralSchema } from '../../crds/structural.ts';

const generate = (field: z.ZodType) => structuralSchema(z.strictObject({ field }), 'Kind.spec');

describe('a schema that makes a poor CRD does not generate', () => {
  test.each<[string, z.ZodType, string]>([
    ['no description', z.boolean(), 'Kind.spec.field: a field needs a description'],
    ['a string without a bound', z.string().describe('d'), 'Kind.spec.field: a string needs a maxLength'],
    ['a list without a bound', z.array(z.boolean()).describe('d').meta(atomicList), 'a list needs maxItems'],
    ['a list without a type', z.array(z.boolean()).max(1).describe('d'), 'a list needs a list type'],
    ['a map without a bound', z.record(z.string(), z.boolean()).describe('d'), 'a map needs maxProperties'],
    ['an integer without a lower bound', z.int().describe('d'), 'an integer needs a minimum'],
    ['any value', z.unknown().describe('d'), 'a type is missing'],
    ['a union', z.union([z.boolean(), z.int()]).describe('d'), '"anyOf" cannot stand in a structural schema'],
    ['a default', z.boolean().default(true).describe('d'), '"default" cannot stand in a structural schema'],
    [
      'a rule that uses another function',
      z
        .boolean()
        .describe('d')
        .meta(cel({ rule: 'string(self) == "x"', message: 'm' })),
      'string() may not be used',
    ],
    [
      'a rule that names another field',
      z
        .strictObject({ a: z.boolean().describe('d') })
        .describe('d')
        .meta(cel({ rule: 'self.b', message: 'm' })),
      'no field "b"; there are a',
    ],
    [
      'a rule that points at another field',
      z
        .strictObject({ a: z.boolean().describe('d') })
        .describe('d')
        .meta(cel({ rule: 'self.a', message: 'm', fieldPath: '.b' })),
      'no field "b" for a rule to name',
    ],
  ])('%s', (_, field, message) => {
    expect(() => generate(field)).toThrow(message);
  });
});

test('numbers get the format their bounds fit', () => {
  const schema = structuralSchema(
    z.strictObject({
      small: z.int().min(0).max(10).describe('d'),
      large: z.int().min(0).max(3_000_000_000).describe('d'),
      open: z.int().min(0).describe('d'),
    }),
    'Kind.spec',
  );
  expect(schema.properties).toEqual({
    small: { description: 'd', type: 'integer', format: 'int32', minimum: 0, maximum: 10 },
    large: { description: 'd', type: 'integer', format: 'int64', minimum: 0, maximum: 3_000_000_000 },
    open: { description: 'd', type: 'integer', format: 'int64', minimum: 0 },
  });
});

test('strict objects, times and patterns are written as Kubernetes takes them', () => {
  const schema = structuralSchema(
    z.strictObject({
      at: z.iso.datetime({ offset: true }).describe('d'),
      path: z.string().max(9).regex(/^\/a$/).optional().describe('d'),
    }),
    'Kind.spec',
  );
  expect(schema).toEqual({
    type: 'object',
    required: ['at'],
    properties: {
      at: { description: 'd', type: 'string', format: 'date-time' },
      path: { description: 'd', type: 'string', pattern: '^/a$', maxLength: 9 },
    },
  });
});
