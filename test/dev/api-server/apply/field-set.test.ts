import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sets from '../../../../dev/api-server/apply/field-set.ts';

const edge = fc.constantFrom('f:a', 'f:b', 'f:.', 'k:{"name":"x"}', 'k:{"name":"y"}', 'v:"x"', 'v:1');
const path = fc.array(edge, { minLength: 1, maxLength: 4 });
const pathSet = fc.array(path, { maxLength: 8 });
const keys = (set: sets.FieldSet): Set<string> => new Set(sets.paths(set).map((one) => one.join(' ')));
const keysOf = (paths: string[][]): Set<string> => new Set(paths.map((one) => one.join(' ')));

describe('field sets', () => {
  it('are sets of paths', () => {
    fc.assert(
      fc.property(pathSet, pathSet, (left, right) => {
        const [a, b] = [sets.setOfPaths(left), sets.setOfPaths(right)];
        const [inA, inB] = [keysOf(left), keysOf(right)];
        expect(keys(a)).toEqual(inA);
        expect(keys(sets.union(a, b))).toEqual(inA.union(inB));
        expect(keys(sets.intersect(a, b))).toEqual(inA.intersection(inB));
        expect(keys(sets.minus(a, b))).toEqual(inA.difference(inB));
        expect(sets.isEmpty(sets.minus(a, a))).toBe(true);
      }),
    );
  });

  it('lose whole branches with the paths that they grow from', () => {
    fc.assert(
      fc.property(pathSet, pathSet, (left, right) => {
        const cut = keysOf(right);
        const prefixes = (one: string[]) => one.map((_, index) => one.slice(0, index + 1).join(' '));
        const kept = left.filter((one) => !prefixes(one).some((prefix) => cut.has(prefix)));
        expect(keys(sets.minusTrees(sets.setOfPaths(left), sets.setOfPaths(right)))).toEqual(keysOf(kept));
      }),
    );
  });

  it('are written and read without loss', () => {
    fc.assert(
      fc.property(
        pathSet.filter((paths) => paths.length > 0),
        (paths) => {
          const written = sets.encode(sets.setOfPaths(paths));
          const read = sets.decode(JSON.parse(JSON.stringify(written)));
          expect(keys(read)).toEqual(keysOf(paths));
        },
      ),
    );
  });

  it('are written as managedFields spells them', () => {
    const set = sets.setOfPaths([
      ['f:spec', 'f:rules'],
      ['f:status', 'f:conditions', 'k:{"type":"Ready"}'],
      ['f:status', 'f:conditions', 'k:{"type":"Ready"}', 'f:status'],
    ]);
    expect(sets.encode(set)).toEqual({
      'f:spec': { 'f:rules': {} },
      'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {} } } },
    });
  });

  it.each([
    [['f:spec', 'f:models'], '.spec.models'],
    [
      ['f:status', 'f:conditions', 'k:{"type":"Ready"}', 'f:status'],
      '.status.conditions[type="Ready"].status',
    ],
    [['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}'], '.spec.ports[port=80,protocol="TCP"]'],
    [['f:metadata', 'f:finalizers', 'v:"a/b"'], '.metadata.finalizers[="a/b"]'],
  ])('are named in conflicts: %j', (one, text) => {
    expect(sets.printPath(one)).toBe(text);
  });
});
