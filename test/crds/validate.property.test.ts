import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KINDS } from '../../crds/kinds.ts';
import { validateObject } from '../../crds/validate.ts';
import { damaged, objectOf } from './arbitrary.ts';

describe.each(KINDS)('random $kind objects', (kind) => {
  test('rules of objects that fit the schema are all evaluated, without an error', () => {
    fc.assert(
      fc.property(objectOf(kind), (object) => {
        expect(kind.spec.safeParse(object.spec).success).toBe(true);
        // An error of a rule other than a bad pattern would be thrown here.
        for (const problem of validateObject(object)) {
          expect(problem.source === 'Schema' ? problem.message : '').toMatch(/^$|is there already/);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('problems of damaged objects name a place and say what would be right', () => {
    fc.assert(
      fc.property(objectOf(kind).chain(damaged), (object) => {
        const problems = validateObject(object);
        const told = problems.every(({ path, message, expected }) => path && message && expected);
        expect(told).toBe(true);
        const places = problems.map(({ path, message }) => `${path} ${message}`);
        expect(new Set(places).size).toBe(places.length);
      }),
      { numRuns: 300 },
    );
  });
});
