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
        const isPart = typeof made === 'object' && made !== null && JSON.stringify(made).length <= 256;
        expect(!isPart || Object.isFrozen(made)).toBe(true);
      }),
    );
  });

  it('are told from parts that only look alike: by order, by type, by what is listed', () => {
    const plain = [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: '1' }, { a: 1 }, [1], ['1'], [], {}, [[]]];
    const odd = [{ a: undefined }, { a: null }, [undefined], [null], ['null'], { a: 'b,"c":"d' }];
    const distinct = [...plain, ...odd, { a: 'b', c: 'd' }];
    const made = distinct.map((each) => withEqualParts(each));
    expect(new Set(made).size).toBe(distinct.length);
  });

  it('are plain: what is more than its members is left as it is', () => {
    const [set, map, date] = [new Set([1]), new Map([[1, 2]]), new Date(0)];
    const made = withEqualParts({ set, map, date, none: {} });
    expect(made.set).toBe(set);
    expect(made.map).toBe(map);
    expect(made.date).toBe(date);
    expect(made).toEqual({ set: new Set([1]), map: new Map([[1, 2]]), date: new Date(0), none: {} });
  });

  it('are looked for only so deep: whoever nests values costs no stack, and the rest is shared', () => {
    const [lists, objects] = [
      JSON.parse(`${'['.repeat(9_000)}${']'.repeat(9_000)}`) as unknown,
      JSON.parse(`${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`) as unknown,
    ];
    const one = withEqualParts({ lists, objects, timeouts: { connectMs: 3_000 } });
    const two = withEqualParts({ timeouts: { connectMs: 3_000 } });
    expect(one.timeouts).toBe(two.timeouts);
    let depth = 0;
    for (let at = one.lists; Array.isArray(at); at = at[0] as unknown) depth += 1;
    for (let at = one.objects; typeof at === 'object'; at = (at as { a: unknown }).a) depth += 1;
    expect(depth).toBe(18_000);
  });

  it('are forgotten once there are too many, and are right nevertheless', () => {
    const first = withEqualParts({ kept: 'first' });
    for (let n = 0; n < 10_000; n++) expect(withEqualParts({ n })).toEqual({ n });
    expect(withEqualParts({ kept: 'first' })).toEqual(first);
  });
});
