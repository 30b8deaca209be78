import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withEqualParts } from '../../../operator/compile/equal-parts.ts';

describe('equal parts', () => {
  it('are one object, in values that are made apart', () => {
    const rule = (name: string) => ({ name, timeouts: { connectMs: 3_000 }, passthrough: [] as string[] });
    const one = withEqualParts({ name: 'x'.repeat(300), rules: [rule('a'), rule('b')] });
    const two = withEqualParts({ name: 'y'.repeat(300), rules: [rule('b')] });
    expect(two.rules[0]).toBe(one.rules[1]);
    expect(one.rules[0]?.timeouts).toBe(one.rules[1]?.timeouts);
    expect(one.rules[0]?.passthrough).toBe(two.rules[0]?.passthrough);
    expect(one).not.toBe(two);
  });

  it('say what they said, and nobody can change one for all', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const before = structuredClone(value);
        const made = withEqualParts(value);
        expect(made).toEqual(before);
        expect(value).toEqual(before);
        if (typeof made === 'object' && made !== null && JSON.stringify(made).length <= 256)
          expect(Object.isFrozen(made)).toBe(true);
      }),
    );
  });

  it('are told from parts that only look alike: by order, by type, by what is listed', () => {
    const distinct = [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: '1' }, { a: 1 }, [1], ['1'], [], {}, [[]]];
    const made = distinct.map((each) => withEqualParts(each));
    expect(new Set(made).size).toBe(distinct.length);
  });

  it('are forgotten once there are too many, and are right nevertheless', () => {
    const first = withEqualParts({ kept: 'first' });
    for (let n = 0; n < 10_000; n++) expect(withEqualParts({ n })).toEqual({ n });
    expect(withEqualParts({ kept: 'first' })).toEqual(first);
  });
});
